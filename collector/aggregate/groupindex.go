package aggregate

import (
	"iter"
	"math/bits"
	"net/netip"
	"slices"
)

// groupIndex finds rules by address and user without a look at each of them. It is
// made by newGroupIndex, and is safe for concurrent use.
type groupIndex struct {
	anyAddress, anyUser ruleSet // the rules without such a condition
	byNetwork           map[netip.Prefix][]int
	byUser              map[string][]int
	lengths             []prefixLength // of the networks
}

// prefixLength is the length of a network among addresses of a number of bits.
type prefixLength struct{ address, prefix int }

// newGroupIndex returns the index of rules.
func newGroupIndex(rules []GroupRule) groupIndex {
	x := groupIndex{anyAddress: newRuleSet(len(rules)), anyUser: newRuleSet(len(rules)), byNetwork: make(map[netip.Prefix][]int), byUser: make(map[string][]int)}
	for k := range rules {
		if len(rules[k].CIDRs) == 0 {
			x.anyAddress.add(k)
		}
		if len(rules[k].Users) == 0 {
			x.anyUser.add(k)
		}
		for _, p := range rules[k].CIDRs {
			if !p.IsValid() {
				continue
			}
			x.byNetwork[p.Masked()] = append(x.byNetwork[p.Masked()], k)
			if l := (prefixLength{p.Addr().BitLen(), p.Bits()}); !slices.Contains(x.lengths, l) {
				x.lengths = append(x.lengths, l)
			}
		}
		for _, user := range rules[k].Users {
			x.byUser[user] = append(x.byUser[user], k)
		}
	}
	return x
}

// candidates ranges over the rules whose conditions on the address and the user
// hold, in order.
func (x *groupIndex) candidates(ip netip.Addr, user string) iter.Seq[int] {
	return func(yield func(int) bool) {
		byAddress, byUser := slices.Clone(x.anyAddress), slices.Clone(x.anyUser)
		for _, l := range x.lengths {
			if l.address != ip.BitLen() {
				continue
			}
			if p, err := ip.Prefix(l.prefix); err == nil {
				byAddress.add(x.byNetwork[p]...)
			}
		}
		byUser.add(x.byUser[user]...)
		for word := range byAddress {
			for rest := byAddress[word] & byUser[word]; rest != 0; rest &= rest - 1 {
				if !yield(word*64 + bits.TrailingZeros64(rest)) {
					return
				}
			}
		}
	}
}

// ruleSet is a set of rules by number.
type ruleSet []uint64

// newRuleSet returns an empty set with room for n rules.
func newRuleSet(n int) ruleSet { return make(ruleSet, (n+63)/64) }

func (s ruleSet) add(rules ...int) {
	for _, k := range rules {
		s[k/64] |= 1 << (k % 64)
	}
}

func (s ruleSet) has(k int) bool { return s[k/64]>>(k%64)&1 == 1 }
