/// <reference path="../../sdk/js/pinhook.d.ts" />
// An analytics hook: takes from records what points to a person.
//
// "analytics_plugin": {"enable": true, "plugin_path": "anonymise.js", "func_name": "anonymise",
//                      "pinhook": {"driver": "javascript"}}

function anonymise(record) {
  const [a, b, c, d] = record.ip_address.split(".");
  record.ip_address = d === undefined ? "" : `${a}.${b}.${c}.0`;
  record.raw_request = "";
  record.raw_response = "";
  record.tags.push("anonymised");
}
