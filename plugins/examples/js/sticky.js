/// <reference path="../../sdk/js/pinhook.d.ts" />
// Sticky sessions: a cookie or a header says which backend this client belongs to.
//
// "config_data": {"sticky": {"table": {"blue": "http://10.0.0.7:9000", "green": "http://10.0.0.8:9000"}}}
//
// A request with the cookie `sticky=blue`, or with the header `X-Sticky: blue`, goes to http://10.0.0.7:9000; the header
// wins. Any other goes to the API's usual target. Only the target of this one request changes.

const sticky = new TykJS.TykMiddleware.NewMiddleware({});

function cookie(request, name) {
  const cookies = (request.Headers["Cookie"] || []).join("; ").split(/;\s*/);
  const found = cookies.find((cookie) => cookie.startsWith(name + "="));
  return found && found.slice(name.length + 1);
}

sticky.NewProcessRequest((request, session, config) => {
  const choice = (request.Headers["X-Sticky"] || [])[0] || cookie(request, "sticky");
  const target = config.config_data.sticky.table[choice];
  if (target) {
    request.SetTarget(target);
  }
  return sticky.ReturnData(request, {});
});
