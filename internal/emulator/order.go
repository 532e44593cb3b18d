package emulator

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// byField returns a function that compares sessions by a field, numerically if
// it holds numbers, and whether the field exists.
func byField(field string) (compare func(a, b *Session) int, known bool) {
	numeric := func(f func(*Session) int64) func(a, b *Session) int {
		return func(a, b *Session) int { return cmp.Compare(f(a), f(b)) }
	}
	text := func(f func(*Session) string) func(a, b *Session) int {
		return func(a, b *Session) int { return strings.Compare(f(a), f(b)) }
	}
	switch field {
	case "id":
		compare = numeric(func(s *Session) int64 { return number(s.ID) })
	case "fd":
		compare = numeric(func(s *Session) int64 { return number(s.FD) })
	case "db":
		compare = numeric(func(s *Session) int64 { return number(s.DB) })
	case "age":
		compare = numeric(func(s *Session) int64 { return s.Age })
	case "idle":
		compare = numeric(func(s *Session) int64 { return s.Idle })
	case "sub":
		compare = numeric(func(s *Session) int64 { return s.Sub })
	case "psub":
		compare = numeric(func(s *Session) int64 { return s.PSub })
	case "multi":
		compare = numeric(func(s *Session) int64 { return s.Multi })
	case "qbuf":
		compare = numeric(func(s *Session) int64 { return s.QBuf })
	case "qbuf_free":
		compare = numeric(func(s *Session) int64 { return s.QBufFree })
	case "obl":
		compare = numeric(func(s *Session) int64 { return s.OBL })
	case "oll":
		compare = numeric(func(s *Session) int64 { return s.OLL })
	case "omem":
		compare = numeric(func(s *Session) int64 { return s.OMem })
	case "addr":
		compare = text(func(s *Session) string { return s.Addr })
	case "peer":
		compare = text(func(s *Session) string { return s.Peer })
	case "name":
		compare = text(func(s *Session) string { return s.Name })
	case "cmd":
		compare = text(func(s *Session) string { return s.Cmd })
	case "flags":
		compare = text(func(s *Session) string { return s.Flags })
	case "events":
		compare = text(func(s *Session) string { return s.Events })
	case "network":
		compare = text(func(s *Session) string { return s.Network })
	case "user":
		compare = text(func(s *Session) string { return s.User })
	}
	return compare, compare != nil
}

// number parses a number; it returns 0 if s is not one.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// sorted returns the sessions sorted by a field and then by id, and whether the
// field exists.
func sorted(sessions []Session, field string, descending bool) ([]Session, bool) {
	compare, known := byField(field)
	if !known {
		return nil, false
	}
	sign := 1
	if descending {
		sign = -1
	}
	out := slices.Clone(sessions)
	slices.SortStableFunc(out, func(a, b Session) int {
		return cmp.Or(sign*compare(&a, &b), cmp.Compare(number(a.ID), number(b.ID)))
	})
	return out, true
}

// fromAddress returns the sessions from an ip or ip:port. IPv4-mapped IPv6
// equals IPv4.
func fromAddress(sessions []Session, addr string) []Session {
	var out []Session
	for _, s := range sessions {
		host := s.Addr
		if i := strings.LastIndexByte(host, ':'); i >= 0 {
			host = host[:i]
		}
		if s.Addr == addr || unmapped(s.Addr) == unmapped(addr) || unmapped(host) == unmapped(addr) {
			out = append(out, s)
		}
	}
	return out
}

// unmapped returns an ip without brackets, or an ip:port, in its shortest form.
// It returns other texts unchanged.
func unmapped(address string) string {
	if with, err := netip.ParseAddrPort(address); err == nil {
		return netip.AddrPortFrom(with.Addr().Unmap(), with.Port()).String()
	}
	address = strings.Trim(address, "[]")
	if ip, err := netip.ParseAddr(address); err == nil {
		return ip.Unmap().String()
	}
	return address
}
