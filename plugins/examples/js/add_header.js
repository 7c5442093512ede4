/// <reference path="../../sdk/js/pinhook.d.ts" />
// The smallest hook: every request gets the header `Foo: Bar` on its way to the upstream.
//
// "custom_middleware": {"driver": "otto", "pre": [{"name": "addHeader", "path": "add_header.js"}]}

const addHeader = new TykJS.TykMiddleware.NewMiddleware({});

addHeader.NewProcessRequest((request, session, config) => {
  request.SetHeaders["Foo"] = "Bar";
  return addHeader.ReturnData(request, {});
});
