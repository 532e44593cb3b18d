package aggregate

import (
	"iter"
	"strings"
)

// host is the host of an address, and its clients.
type host struct {
	hostTraits
	first  *userClient
	others map[int32]*userClient // by user; few addresses have any
}

// userClient is the sessions of a user, given by its index, from one address.
type userClient struct {
	ClientStats
	user  int32
	group groupMemo
}

// address returns the index of an address, without its port unless that is
// asked for, and whether it is one that hides the client's.
func (a *Aggregator) address(full string) (n int32, masked bool) {
	if !a.o.Address.IncludePort {
		// Most sessions come from a host that others came from: it was looked
		// at before.
		if i := strings.LastIndexByte(full, ':'); i > 0 && isPort(full[i:]) {
			if n, ok := a.addrs.find(full[:i]); ok && a.hosts[n].plain {
				return n, a.hosts[n].masked
			}
		}
	}
	address, traits := a.o.Address.of(full)
	n = a.addrs.index(address)
	a.host(n, traits)
	if traits.plain && a.o.Address.networks() {
		if i := strings.LastIndexByte(full, ':'); i > 0 && isPort(full[i:]) {
			a.addrs.alias(full[:i], n) // the next one of this host is found
		}
	}
	return n, traits.masked
}

// host takes note of the host of an address that may be new.
func (a *Aggregator) host(n int32, traits hostTraits) {
	if int(n) < len(a.hosts) {
		return
	}
	if a.addrs.values[n] == Other {
		traits = hostTraits{} // of many
	}
	a.hosts = append(a.hosts, host{hostTraits: traits})
}

// client returns the client of a user and an address, or that of the user and the
// address Other where there are too many.
func (a *Aggregator) client(user, address int32) *userClient {
	h := &a.hosts[address]
	if h.first != nil && h.first.user == user {
		return h.first
	}
	if c := h.others[user]; c != nil {
		return c
	}
	if a.distinct >= a.mostClients && a.addrs.values[address] != Other {
		other := a.addrs.other()
		a.host(other, hostTraits{})
		return a.client(user, other)
	}
	if len(a.spare) == 0 {
		a.spare = make([]userClient, min(1+a.distinct, 64))
	}
	c := &a.spare[0]
	c.user, a.spare = user, a.spare[1:]
	a.distinct++
	switch {
	case h.first == nil:
		h.first = c
	case h.others == nil:
		h.others = map[int32]*userClient{user: c}
	default:
		h.others[user] = c
	}
	return c
}

// clients ranges over the clients of the host in any order.
func (h host) clients() iter.Seq[*userClient] {
	return func(yield func(*userClient) bool) {
		if h.first == nil || !yield(h.first) {
			return
		}
		for _, c := range h.others {
			if !yield(c) {
				return
			}
		}
	}
}
