package dcsapi_test

import (
	"html"
	"net/url"
	"strings"
)

// echoForms are the answers of a server that repeats what it was sent
// wherever it can.
var echoForms = []func(v string) string{
	func(v string) string { return "HTTP/1.1 401 " + v + "\r\nContent-Length: 0\r\n\r\n" },
	func(v string) string { return "HTTP/1.1 " + v + " 401\r\nContent-Length: 0\r\n\r\n" },
	func(v string) string { return "HTTP/1.1 4" + v + "\r\n\r\n" },
	func(v string) string { return v + "\r\n\r\n" },
	func(v string) string { return "HTTP/1.1 401 X\r\nX-Request-Id: " + v + "\r\nContent-Length: 0\r\n\r\n" },
	func(v string) string { return "HTTP/1.1 200 X\r\nX-Request-Id: " + v + "\r\nContent-Length: 0\r\n\r\n" },
	func(v string) string {
		return "HTTP/1.1 200 X\r\nX-Request-Id: " + v + "\r\nContent-Length: 2\r\n\r\n[]"
	},
	func(v string) string {
		return "HTTP/1.1 429 X\r\nRetry-After: " + v + "\r\nDate: " + v + "\r\nContent-Length: 0\r\n\r\n"
	},
	func(v string) string {
		return "HTTP/1.1 302 X\r\nLocation: https://" + v + "/x\r\nContent-Length: 0\r\n\r\n"
	},
	func(v string) string {
		return "HTTP/1.1 302 X\r\nLocation: https://" + url.PathEscape(v) + ".example/x\r\nContent-Length: 0\r\n\r\n"
	},
	func(v string) string { return "HTTP/1.1 400 X\r\n" + v + "\r\n\r\n" },
	func(v string) string { return "HTTP/1.1 400 X\r\n " + v + "\r\n\r\n" },
	func(v string) string { return "HTTP/1.1 400 X\r\nContent-Length: " + v + "\r\n\r\n" },
	func(v string) string { return "HTTP/1.1 400 X\r\nTransfer-Encoding: " + v + "\r\n\r\n" },
	func(v string) string {
		return "HTTP/1.1 400 X\r\nContent-Length: 1\r\nContent-Length: " + v + "\r\n\r\nx"
	},
	func(v string) string {
		return "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5;e=" + v + "\r\nhello\r\n" + v + "\r\n"
	},
	func(v string) string {
		return "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + v + "\r\n\r\n"
	},
	func(v string) string {
		return "HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + v
	},
	func(v string) string { return "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n" + v },
	func(v string) string {
		return "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n" + `{"clients":"` + v + `"}`
	},
	func(v string) string {
		return "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n" + `{"` + v + `":"` + v + `",` + v
	},
	func(v string) string { return failureBody(v, "error_code") },
	func(v string) string { return failureBody(v, "error_msg") },
	func(v string) string { return failureBody(v, "error_ext_msg") },
	func(v string) string { return failureBody(v, "request_id") },
	func(v string) string { return failureBody(v, "message") },
	func(v string) string {
		return "HTTP/1.1 401 X\r\nConnection: close\r\n\r\n" + `{"error":{"message":"` + v + `"}}`
	},
	func(v string) string {
		return "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n" + `{"error_code":"` + v + `","error_msg":"` + v + `"}`
	},
	func(v string) string {
		return "HTTP/1.1 502 X\r\nConnection: close\r\n\r\n<html><body><h1>" + v + "</h1></body></html>"
	},
	func(v string) string {
		return "HTTP/1.1 502 X\r\nContent-Length: 100000\r\n\r\n" + `{"error_msg":"` + v + `","error_ext_msg":"` + v
	},
}

func failureBody(v, field string) string {
	return "HTTP/1.1 400 X\r\nConnection: close\r\n\r\n" + `{"` + field + `":"` + v + `"}`
}

// echoSpellings are ways to write what was sent.
var echoSpellings = []func(v string) string{
	func(v string) string { return v },
	url.QueryEscape,
	html.EscapeString,
	func(v string) string { return every(v, 3, "<b>") },
	func(v string) string { return every(v, 7, "<i></i>") },
	func(v string) string { return every(v, 11, `\n`) },
	func(v string) string { return every(v, 5, `\u0000`) },
	func(v string) string { return every(v, 9, `\u200b`) },
	func(v string) string { return every(v, 1, "\x01") },
	func(v string) string { return every(v, 6, " ") },
	func(v string) string { return strings.ReplaceAll(strings.ReplaceAll(v, "+", "-"), "/", "_") },
}

// every puts a text between each n bytes of another.
func every(v string, n int, between string) string {
	var b strings.Builder
	for i := 0; i < len(v); i += n {
		b.WriteString(v[i:min(len(v), i+n)] + between)
	}
	return b.String()
}
