package worker

import (
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

var errJSON = errors.New("pinhook: a head that is no JSON object")

// reader walks over JSON that the gateway wrote. Texts without escapes are parts of it, not copies.
type reader struct {
	text string
	at   int
	bad  bool
}

func (r *reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

func (r *reader) take(c byte) bool {
	r.space()
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

// open enters an object or a list.
func (r *reader) open(c byte) bool {
	if !r.take(c) {
		r.bad = true
		return false
	}
	return true
}

// next is true while there is another element before the closing byte.
func (r *reader) next(first *bool, end byte) bool {
	if r.bad || r.take(end) {
		return false
	}
	if !*first && !r.take(',') {
		r.bad = true
		return false
	}
	*first = false
	return true
}

func (r *reader) key() string {
	name := r.str()
	if !r.take(':') {
		r.bad = true
	}
	return name
}

func (r *reader) str() string {
	r.space()
	if r.at >= len(r.text) || r.text[r.at] != '"' {
		r.bad = true
		return ""
	}
	start := r.at + 1
	for i := start; i < len(r.text); i++ {
		switch r.text[i] {
		case '"':
			r.at = i + 1
			return r.text[start:i]
		case '\\':
			return r.escaped(start - 1)
		}
	}
	r.bad = true
	return ""
}

func (r *reader) escaped(start int) string {
	r.at = start
	var text string
	if json.Unmarshal([]byte(r.raw()), &text) != nil {
		r.bad = true
	}
	return text
}

// raw is the next value as it is written.
func (r *reader) raw() string {
	r.space()
	start, depth, quoted := r.at, 0, false
	for ; r.at < len(r.text); r.at++ {
		c := r.text[r.at]
		if quoted {
			if c == '\\' {
				r.at++
			} else if c == '"' {
				quoted = false
				if depth == 0 {
					r.at++
					return r.text[start:r.at]
				}
			}
			continue
		}
		switch c {
		case '"':
			quoted = true
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return r.text[start:r.at]
			}
			if depth--; depth == 0 {
				r.at++
				return r.text[start:r.at]
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return r.text[start:r.at]
			}
		}
	}
	return r.text[start:]
}

func (r *reader) number() int {
	n, err := strconv.Atoi(r.raw())
	if err != nil {
		r.bad = true
	}
	return n
}

// headers reads an object of lists into a map, and keeps what it read so that changes can be told.
func (r *reader) headers() (map[string][]string, sent) {
	seen := sent{values: make([]string, 0, 16), names: make([]named, 0, 16)}
	if !r.open('{') {
		return map[string][]string{}, seen
	}
	for first := true; r.next(&first, '}'); {
		name := r.key()
		if !r.open('[') {
			break
		}
		for first := true; r.next(&first, ']'); {
			seen.values = append(seen.values, r.str())
		}
		seen.names = append(seen.names, named{name, len(seen.values)})
	}
	copied := append(make([]string, 0, len(seen.values)), seen.values...)
	headers := make(map[string][]string, len(seen.names)+2)
	start := 0
	for _, one := range seen.names {
		headers[one.name] = copied[start:one.end:one.end]
		start = one.end
	}
	return headers, seen
}

// sent are headers as the gateway sent them.
type sent struct {
	names  []named
	values []string
}

type named struct {
	name string
	end  int
}

// same tells whether a map still holds just these headers.
func (s *sent) same(headers map[string][]string) bool {
	if len(headers) != len(s.names) {
		return false
	}
	start := 0
	for _, one := range s.names {
		values, ok := headers[one.name]
		before := s.values[start:one.end]
		start = one.end
		if !ok || len(values) != len(before) {
			return false
		}
		for i, value := range values {
			if value != before[i] {
				return false
			}
		}
	}
	return true
}

const hexDigits = "0123456789abcdef"

// appendText appends a JSON text. Bytes that are no UTF-8 become U+FFFD.
func appendText(buffer []byte, text string) []byte {
	buffer = append(buffer, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(text[i:])
			if r != utf8.RuneError || size != 1 {
				i += size
				continue
			}
			buffer = append(append(buffer, text[start:i]...), "\uFFFD"...)
		} else {
			buffer = append(buffer, text[start:i]...)
			if c == '"' || c == '\\' {
				buffer = append(buffer, '\\', c)
			} else {
				buffer = append(buffer, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		i++
		start = i
	}
	return append(append(buffer, text[start:]...), '"')
}

// object writes the members of a JSON object that are there.
type object struct {
	buffer []byte
	some   bool
}

func (o *object) name(name string) {
	separator := byte(',')
	if !o.some {
		separator, o.some = '{', true
	}
	o.buffer = append(append(append(o.buffer, separator, '"'), name...), '"', ':')
}

func (o *object) text(name, text string) {
	o.name(name)
	o.buffer = appendText(o.buffer, text)
}

func (o *object) raw(name string, raw []byte) {
	o.name(name)
	o.buffer = append(o.buffer, raw...)
}

func (o *object) headers(name string, headers map[string][]string) {
	o.name(name)
	inner := object{buffer: o.buffer}
	for header, values := range headers {
		if len(values) == 0 {
			continue
		}
		inner.nameText(header)
		for i, value := range values {
			separator := byte(',')
			if i == 0 {
				separator = '['
			}
			inner.buffer = appendText(append(inner.buffer, separator), value)
		}
		inner.buffer = append(inner.buffer, ']')
	}
	o.buffer = inner.end()
}

func (o *object) nameText(name string) {
	separator := byte(',')
	if !o.some {
		separator, o.some = '{', true
	}
	o.buffer = append(appendText(append(o.buffer, separator), name), ':')
}

func (o *object) end() []byte {
	if !o.some {
		return append(o.buffer, '{', '}')
	}
	return append(o.buffer, '}')
}
