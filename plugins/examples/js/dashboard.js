/// <reference path="../../sdk/js/pinhook.d.ts" />
// An aggregator: a virtual endpoint that asks two APIs of this gateway at once and joins their answers.
//
// "virtual": [{"path": "/dashboard", "method": "GET", "response_function_name": "dashboard",
//              "function_source_type": "file", "function_source_uri": "dashboard.js"}]
// "config_data": {"dashboard": {"orders": "tyk://orders/", "stock": "tyk://stock/"}}
//
// The APIs may be internal ones, which no client can reach; their own auth, limits and records apply.

function dashboard(request, session, config) {
  const { orders, stock } = config.config_data.dashboard;
  const [user = "nobody"] = request.Headers["X-User"] || [];
  const headers = { "X-User": user };
  const replies = callAll([
    { url: orders + user, headers },
    { url: stock, headers },
  ]);
  // A part that fails leaves a gap and a name, so the page still comes.
  const [orderList, stockList] = replies.map((reply) => (reply.status === 200 ? JSON.parse(reply.body) : null));
  const missing = ["orders", "stock"].filter((name, index) => replies[index].status !== 200);
  return TykJsResponse({
    Code: missing.length === replies.length ? 502 : 200,
    Headers: { "Content-Type": "application/json" },
    Body: JSON.stringify({ user, orders: orderList, stock: stockList, missing }),
  });
}
