// Freezes everything that scripts can reach and did not make, so that nothing one request does to it is there for the
// next. An inherited read-only member would forbid members of the same name in objects that inherit it: the members
// that scripts really override become accessors, which make an own member out of an assignment.
(function (global, prototypes, keep) {
  "use strict";
  var seen = new Set(), todo = [];
  function add(value) {
    if (value === null || typeof value !== "object" && typeof value !== "function" || seen.has(value)) return;
    seen.add(value);
    todo.push(value);
  }
  function tame(object, names) {
    (names || Reflect.ownKeys(object)).forEach(function (name) {
      var found = Object.getOwnPropertyDescriptor(object, name);
      if (!found || !found.configurable || !("value" in found)) return;
      var value = found.value;
      Object.defineProperty(object, name, {
        get: function () { return value; },
        set: function (other) {
          if (this === object) return;
          Object.defineProperty(this, name, {
            value: other, writable: true, enumerable: true, configurable: true,
          });
        },
        enumerable: found.enumerable, configurable: true,
      });
      add(value);
    });
  }
  tame(Object.prototype);
  tame(Function.prototype, ["constructor", "bind", "toString"]);
  tame(Array.prototype, ["constructor", "toString"]);
  tame(Promise.prototype, ["constructor"]);
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].forEach(function (kind) {
    tame(kind.prototype, ["constructor", "message", "name", "toString"]);
  });
  prototypes.forEach(function (prototype) { tame(prototype); });

  add(keep);
  [
    function* () {}, async function () {}, async function* () {}, [][Symbol.iterator](), ""[Symbol.iterator](),
    new Map()[Symbol.iterator](), new Set()[Symbol.iterator](), "".matchAll(/a/g),
  ].forEach(function (sample) { add(Object.getPrototypeOf(sample)); });
  Reflect.ownKeys(global).forEach(function (name) {
    var found = Object.getOwnPropertyDescriptor(global, name);
    add(found.value);
    if ("value" in found && found.configurable) {
      Object.defineProperty(global, name, { value: found.value, writable: false, configurable: false });
    }
  });
  seen.delete(global);
  while (todo.length) {
    var object = todo.pop();
    if (object === global) continue;
    add(Object.getPrototypeOf(object));
    Reflect.ownKeys(object).forEach(function (name) {
      var found = Object.getOwnPropertyDescriptor(object, name);
      add(found.value);
      add(found.get);
      add(found.set);
    });
  }
  seen.delete(global);
  seen.forEach(function (object) { Object.freeze(object); });
})
