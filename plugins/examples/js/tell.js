/// <reference path="../../sdk/js/pinhook.d.ts" />
// An event handler: one line in the log for each caller that could not be recognised.
//
// "event_handlers": {"events": {"AuthFailure": [
//     {"handler_name": "eh_dynamic_handler", "handler_meta": {"name": "tell", "path": "tell.js"}}]}}

const tell = new TykJS.TykEventHandlers.NewEventHandler({});

tell.NewHandler((event, context) => {
  log(`${event.Type} on ${context.APIID}: ${event.Meta.Path} asked by ${event.Meta.Origin}`);
});
