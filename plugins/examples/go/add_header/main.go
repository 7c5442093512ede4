// Sets, adds and removes request headers: the smallest hook.
package main

import "net/http"

// AddHeader runs as a pre, post or endpoint hook.
func AddHeader(w http.ResponseWriter, r *http.Request) {
	r.Header.Set("Foo", "Bar")
	r.Header.Add("X-Many", "from-hook")
	r.Header.Del("X-Internal")
}

func main() {}
