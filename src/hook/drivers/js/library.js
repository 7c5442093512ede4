// What scripts find besides the language (plugins reference 6.3). Evaluated once per context, then frozen.
(function (global, json) {
  "use strict";

  function NewMiddleware(configuration) {
    if (!(this instanceof NewMiddleware)) return new NewMiddleware(configuration);
  }
  NewMiddleware.prototype = {
    constructor: NewMiddleware,
    NewProcessRequest: function (handler) { this.ProcessRequest = handler; },
    NewProcessResponse: function (handler) { this.ProcessResponse = handler; },
    ReturnData: function (request, sessionMeta) { return { Request: request, SessionMeta: sessionMeta }; },
    ReturnAuthData: function (request, session) { return { Request: request, Session: session }; },
    ReturnResponseData: function (response, sessionMeta) {
      return { Response: response, SessionMeta: sessionMeta };
    },
    DoProcessRequest: function (request, session, config) {
      return this.ProcessRequest(request, session, config);
    },
    DoProcessResponse: function (response, request, session, config) {
      return this.ProcessResponse(response, request, session, config);
    },
  };

  function NewEventHandler() {
    if (!(this instanceof NewEventHandler)) return new NewEventHandler();
  }
  NewEventHandler.prototype = {
    constructor: NewEventHandler,
    NewHandler: function (handler) { this.Handle = handler; },
    DoProcessEvent: function (event, context) { return this.Handle(event, context); },
  };

  function define(name, value) {
    Object.defineProperty(global, name, { value: value, writable: true, configurable: true });
  }
  define("TykJS", {
    TykMiddleware: { NewMiddleware: NewMiddleware },
    TykEventHandlers: { NewEventHandler: NewEventHandler },
  });
  define("TykJsResponse", function (response, sessionMeta) {
    return JSON.stringify({ Response: response, SessionMeta: sessionMeta });
  });

  // Ours: requests to APIs of this gateway and to others. The two below them take and give JSON.
  var one = global._call, all = global._callAll, read = JSON.parse, write = JSON.stringify;
  delete global._call;
  delete global._callAll;
  define("call", function call(url, options) {
    return read(one(write(Object.assign({}, options, { url: url }))));
  });
  define("callAll", function callAll(calls) { return read(all(write(calls))); });

  // otto writes JSON the way Go does: members sorted, and what HTML gives a meaning is escaped.
  if (json === "go") {
    var stringify = JSON.stringify, parse = JSON.parse;
    var sorted = function (value) {
      if (value === null || typeof value !== "object") return value;
      if (Array.isArray(value)) return value.map(sorted);
      var keys = Object.keys(value).sort(), copy = {};
      for (var i = 0; i < keys.length; i++) {
        Object.defineProperty(copy, keys[i], {
          value: sorted(value[keys[i]]), enumerable: true, writable: true, configurable: true,
        });
      }
      return copy;
    };
    var codes = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029" };
    JSON.stringify = function (value, replacer, space) {
      var text = stringify(value, replacer);
      if (text === undefined) return undefined;
      return stringify(sorted(parse(text)), null, space)
        .replace(/[<>&\u2028\u2029]/g, function (found) { return codes[found]; });
    };
    Object.defineProperty(JSON, "stringify", { enumerable: false });
  }

  // What the gateway builds its objects with: literals are cheaper than members set one by one.
  function setTarget(url) { this.Target = url; }
  var requests = { SetTarget: setTarget, setTarget: setTarget };
  return {
    prototypes: [NewMiddleware.prototype, NewEventHandler.prototype, requests],
    request: function (headers, body, url, params, method, uri, scheme) {
      return {
        __proto__: requests,
        Headers: headers, SetHeaders: {}, DeleteHeaders: [], Body: body, IgnoreBody: false, URL: url,
        Params: params, AddParams: {}, ExtendedParams: {}, DeleteParams: [],
        ReturnOverrides: {
          ResponseCode: 0, ResponseError: "", ResponseBody: "", ResponseHeaders: {}, OverrideError: false,
        },
        Method: method, RequestURI: uri, Scheme: scheme,
      };
    },
    virtual: function (headers, body, url, params, scheme) {
      return { __proto__: requests, Headers: headers, Body: body, URL: url, Params: params, Scheme: scheme };
    },
    response: function (status, body, headers) {
      return { StatusCode: status, Body: body, Headers: headers, SetHeaders: {}, DeleteHeaders: [] };
    },
    config: function (org, api, data) {
      var config = { OrgID: org, APIID: api };
      if (data !== undefined) config.config_data = data;
      return config;
    },
  };
})
