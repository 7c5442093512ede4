/// <reference path="../../sdk/js/pinhook.d.ts" />
// A response hook: every text or number in a field of one of these names becomes stars but for its last characters.
//
// "custom_middleware": {"driver": "otto", "response": [{"name": "maskJson", "path": "mask_json.js"}]},
// "config_data": {"mask_json": {"fields": ["card", "iban"], "keep_last": 4}}

const maskJson = new TykJS.TykMiddleware.NewMiddleware({});

maskJson.NewProcessResponse((response, request, session, config) => {
  const { fields, keep_last = 0 } = config.config_data.mask_json;
  const [kind = ""] = response.Headers["Content-Type"] || [];
  if (kind.includes("json") && response.Body) {
    const stars = (value) => {
      const text = String(value);
      const shown = keep_last ? text.slice(-keep_last) : "";
      return "*".repeat(text.length - shown.length) + shown;
    };
    const hide = (name, value) =>
      fields.includes(name) && (typeof value === "string" || typeof value === "number") ? stars(value) : value;
    // A body that is no JSON throws: better a 500 than a number that passes.
    response.Body = JSON.stringify(JSON.parse(response.Body), hide);
  }
  return maskJson.ReturnResponseData(response, {});
});
