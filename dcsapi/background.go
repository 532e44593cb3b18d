package dcsapi

import "context"

type backgroundKey struct{}

// InBackground returns a context for requests that no other request is to notice:
// they take none of Options.MaxConcurrentRequests, are tried once, and if the API
// throttles one of them, the project's other requests go on. The caller should
// send one at a time, and none for a while after that.
func InBackground(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// isBackground reports whether a context is one of InBackground.
func isBackground(ctx context.Context) bool { return ctx.Value(backgroundKey{}) != nil }
