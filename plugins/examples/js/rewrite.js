/// <reference path="../../sdk/js/pinhook.d.ts" />
// Last before the upstream: renames a query parameter, and adds a member to JSON bodies.
//
// "custom_middleware": {"driver": "otto", "post": [{"name": "rewrite", "path": "rewrite.js"}]}

const rewrite = new TykJS.TykMiddleware.NewMiddleware({});

rewrite.NewProcessRequest((request, session, config) => {
  const [page] = request.Params["page"] || [];
  if (page) {
    request.DeleteParams.push("page");
    request.AddParams["offset"] = String((Number(page) - 1) * 20);
  }
  const [kind = ""] = request.Headers["Content-Type"] || [];
  if (kind.startsWith("application/json") && request.Body) {
    request.Body = JSON.stringify({ ...JSON.parse(request.Body), via: config.APIID });
  } else {
    // Not ours to touch: passed on byte for byte.
    request.IgnoreBody = true;
  }
  return rewrite.ReturnData(request, {});
});
