package recording

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

var (
	uuid   = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	hexID  = regexp.MustCompile(`^[0-9A-Fa-f]{16,128}$`)
	digits = regexp.MustCompile(`^[0-9]{1,128}$`)
)

// longText is the length from which a replacement is as long as the original:
// that matters where values are cut, and says little about the value.
const longText = 64

// aliases are the replacements of private texts. All texts must be noted before
// the first replacement is made, so that none of these is itself a private text.
// It is not safe for concurrent use.
type aliases struct {
	kinds   map[string]kind   // of the texts that were noted
	made    map[string]string // replacements by text, of ids in lower case
	next    map[kind]int
	used    map[string]bool // numbers that are replacements
	leaks   leakIndex
	network networks
}

func newAliases() *aliases {
	return &aliases{
		kinds: make(map[string]kind), made: make(map[string]string), next: make(map[kind]int), used: make(map[string]bool), network: newNetworks(),
	}
}

// note records a private text.
func (a *aliases) note(k kind, text string) {
	if _, there := a.kinds[text]; there || text == "" {
		return
	}
	a.kinds[text] = k
	a.leaks.add(text)
	for part := range strings.SplitSeq(text, ",") {
		if addr, ok := parseAddress(part); ok {
			a.network.note(addr.ip)
			a.leaks.add(addr.ip.String())
		}
	}
}

// of returns the replacement of a text. k applies to texts that were not noted.
func (a *aliases) of(k kind, text string) string {
	if text == "" {
		return ""
	}
	if first, ok := a.kinds[text]; ok {
		k = first
	}
	key := text
	if uuid.MatchString(text) || hexID.MatchString(text) {
		key = strings.ToLower(text)
	}
	alias, ok := a.made[key]
	if !ok {
		alias = a.make(k, key)
		a.made[key] = alias
	}
	if key != text && text == strings.ToUpper(text) {
		alias = strings.ToUpper(alias)
	}
	return alias
}

// make makes the replacement of a text, in a form like its own.
func (a *aliases) make(k kind, text string) string {
	switch {
	case uuid.MatchString(text):
		h := randomHex(32)
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	case digits.MatchString(text):
		return a.digits(text)
	case hexID.MatchString(text):
		return randomHex(len(text))
	}
	if out, ok := a.addresses(text); ok {
		return out
	}
	if k == kindAddress {
		return a.host(text)
	}
	return a.named(k, text)
}

// named returns a new replacement such as "user-7".
func (a *aliases) named(k kind, text string) string {
	for {
		a.next[k]++
		alias := string(k) + "-" + strconv.Itoa(a.next[k])
		if _, taken := a.kinds[alias]; taken || a.leaks.find(alias) != "" {
			continue
		}
		if padding := len(text) - len(alias) - 1; len(text) > longText && padding > 0 {
			for _, filler := range []string{"x", "y", "z"} {
				if long := alias + "-" + strings.Repeat(filler, padding); a.leaks.find(long) == "" {
					return long
				}
			}
		}
		return alias
	}
}

// host returns the replacement of what is in the place of an address and is none:
// the path of a Unix socket, or the name of a host. A port is kept.
func (a *aliases) host(text string) string {
	name, port := text, ""
	if i := strings.LastIndexByte(text, ':'); i >= 0 && smallNumber.MatchString(text[i+1:]) {
		name, port = text[:i], text[i:]
	}
	if alias, ok := a.made[name]; ok && port != "" {
		return alias + port
	}
	alias := a.named(kindAddress, name)
	if strings.HasPrefix(name, "/") {
		alias = "/" + alias
	}
	a.made[name] = alias
	return alias + port
}

// addresses returns the replacement of a list of addresses separated by commas,
// or of a single one.
func (a *aliases) addresses(text string) (string, bool) {
	parts := strings.Split(text, ",")
	for i, part := range parts {
		addr, ok := parseAddress(part)
		if !ok {
			return "", false
		}
		addr.ip = a.network.alias(addr.ip)
		parts[i] = addr.String()
	}
	return strings.Join(parts, ","), true
}

// digits returns the replacement of a text of digits or of a number: another one
// with as many digits, as long as there are any.
func (a *aliases) digits(text string) string {
	for width := len(text); ; width++ {
		for range 1000 {
			alias := make([]byte, width)
			for i, c := range randomBytes(width) {
				alias[i] = '0' + c%10
			}
			if alias[0] == '0' && text[0] != '0' {
				alias[0] = '1'
			}
			_, private := a.kinds[string(alias)]
			if !a.used[string(alias)] && !private && string(alias) != text {
				a.used[string(alias)] = true
				return string(alias)
			}
		}
	}
}

// number returns the replacement of a JSON number that is not harmless.
func (a *aliases) number(text string) string {
	sign, rest := "", text
	if strings.HasPrefix(rest, "-") {
		sign, rest = "-", rest[1:]
	}
	whole, fraction, _ := strings.Cut(rest, ".")
	if !digits.MatchString(whole) || strings.ContainsAny(fraction, "eE") {
		return "0" // such as 1e9
	}
	alias := strings.TrimLeft(a.of(kindNumber, whole), "0")
	if alias == "" || whole == "0" {
		alias = "0"
	}
	if fraction != "" {
		alias += "." + strings.Repeat("0", len(fraction))
	}
	return sign + alias
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// randomHex returns n random hexadecimal digits, of which the first is a letter, so
// that they are not taken for a number.
func randomHex(n int) string {
	return "a" + hex.EncodeToString(randomBytes((n + 1) / 2))[1:n]
}
