/// <reference path="../../sdk/js/pinhook.d.ts" />
// Runs once it is known who calls: tells the upstream who it is, and counts in the session's metadata.
//
// "custom_middleware": {"driver": "otto",
//                       "post_key_auth": [{"name": "tagPartner", "path": "tag_partner.js", "require_session": true}]}

const tagPartner = new TykJS.TykMiddleware.NewMiddleware({});

tagPartner.NewProcessRequest((request, session, config) => {
  // What is returned takes the place of all metadata, and every value has to be a text.
  const meta = { ...session.meta_data };
  meta.requests = String(Number(meta.requests || "0") + 1);
  request.SetHeaders["X-Partner"] = session.alias || "unknown";
  request.SetHeaders["X-Partner-Requests"] = meta.requests;
  return tagPartner.ReturnData(request, meta);
});
