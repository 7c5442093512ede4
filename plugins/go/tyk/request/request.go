// Package request stands in for Tyk's package of that name.
package request

import (
	"net"
	"net/http"
	"strings"
)

// RealIP is the address of the client: what X-Real-IP or the first entry of X-Forwarded-For says, else that of the
// connection.
func RealIP(r *http.Request) string {
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
	for _, text := range []string{r.Header.Get("X-Real-IP"), strings.TrimSpace(first)} {
		if net.ParseIP(text) != nil {
			return text
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
