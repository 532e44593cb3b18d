package dcsapi

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// Limits are what the configuration of an instance allows its clients.
type Limits struct {
	Servers ServerLimits // of each server
	Proxies ServerLimits // of each proxy, where the API lists parameters of proxies
}

// ServerLimits are the limits of a server or a proxy. What the API does not say,
// or says in a form that cannot be read, is absent.
type ServerLimits struct {
	MaxClients   int64                  // connections (maxclients); 0 if absent
	IdleTimeout  *time.Duration         // after which idle connections are closed (timeout), 0 for never; nil if absent
	OutputBuffer map[string]BufferLimit // by class of client: normal, replica or pubsub
}

// BufferLimit limits the output buffers of each client of a class: at Hard, or
// above Soft for SoftFor, the server closes the connection. 0 is no limit, and nil
// is absent.
type BufferLimit struct {
	Hard, Soft *int64 // bytes
	SoftFor    *time.Duration
}

// GetLimits reads the limits that the configuration of an instance sets. It needs
// the permission dcs:instance:getConfiguration.
func (c *Client) GetLimits(ctx context.Context, instanceID string) (Limits, error) {
	if err := checkID("instance", instanceID); err != nil {
		return Limits{}, err
	}
	var limits Limits
	request := &call{
		operation: "list_configs", action: "read the configuration of instance " + instanceID,
		path: "/instances/" + instanceID + "/configs",
	}
	err := c.getList(ctx, request, "redis_config", func(list []json.RawMessage, found *warnings) error {
		limits = Limits{}
		for _, raw := range list {
			e := newElement(raw, c.secrets.dataRedactor(), found)
			e.subject = "configuration of instance " + CanonicalInstanceID(instanceID)
			of := &limits.Servers
			if strings.Contains(strings.ToLower(e.text("node_role")), "proxy") {
				of = &limits.Proxies
			}
			of.set(e.text("param_name"), e.text("param_value"))
		}
		return nil
	})
	return limits, err
}

// set sets the limit that a parameter names, if it names one and its value can be
// read.
func (l *ServerLimits) set(name, value string) {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
	switch name {
	case "maxclients":
		if n, ok := parseClients(value); ok {
			l.MaxClients = n
		}
	case "timeout":
		if d := parseSeconds(value); d != nil {
			l.IdleTimeout = d
		}
	case "client-output-buffer-limit": // as in redis.conf: class, hard, soft and seconds, for each class
		words := strings.Fields(value)
		for ; len(words) >= 4; words = words[4:] {
			l.setBuffer(bufferClasses[strings.ToLower(words[0])], words[1:4])
		}
	default:
		if part := bufferName.FindStringSubmatch(name); part != nil {
			l.setBufferPart(bufferClasses[part[1]], part[2], value)
		}
	}
}

// bufferName matches the names of parameters about the output buffers of a class of
// clients, and what of them: everything if that is empty.
var bufferName = regexp.MustCompile(`^client-output-buffer-(?:limit-)?(normal|replica|slave|pubsub)(?:-limit)?(?:-(hard|soft|soft-seconds))?(?:-limit)?$`)

// bufferClasses are the classes of clients by the words of the server's
// configuration. Replicas were called slaves.
var bufferClasses = map[string]string{"normal": "normal", "pubsub": "pubsub", "replica": "replica", "slave": "replica"}

// setBufferPart sets one of the limits of a class, or all.
func (l *ServerLimits) setBufferPart(class, part, value string) {
	b := l.OutputBuffer[class]
	switch part {
	case "":
		l.setBuffer(class, strings.Fields(value))
		return
	case "hard":
		b.Hard = parseSize(value)
	case "soft":
		b.Soft = parseSize(value)
	case "soft-seconds":
		b.SoftFor = parseSeconds(value)
	}
	l.put(class, b)
}

// parseClients parses a number of connections: at least 1 and below 2³¹, as in the
// configuration of the exporter. A larger one is no limit at all.
func parseClients(text string) (n int64, ok bool) {
	n, ok = parseInt([]byte(strings.TrimSpace(text)))
	return n, ok && n > 0 && n < 1<<31
}

// setBuffer sets the limits of a class, "" for none, from the three texts of a list
// such as "256mb 64mb 60".
func (l *ServerLimits) setBuffer(class string, words []string) {
	if class != "" && len(words) == 3 {
		l.put(class, BufferLimit{Hard: parseSize(words[0]), Soft: parseSize(words[1]), SoftFor: parseSeconds(words[2])})
	}
}

// put sets the limits of a class, if anything is known of them.
func (l *ServerLimits) put(class string, b BufferLimit) {
	if b == (BufferLimit{}) {
		return
	}
	if l.OutputBuffer == nil {
		l.OutputBuffer = make(map[string]BufferLimit)
	}
	l.OutputBuffer[class] = b
}

// sizeUnits are the units of redis.conf.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"gb", 1 << 30}, {"mb", 1 << 20}, {"kb", 1 << 10}, {"g", 1e9}, {"m", 1e6}, {"k", 1e3}, {"b", 1}, {"", 1},
}

// parseSize parses a size such as 268435456 or 256mb, nil if it is none.
func parseSize(text string) *int64 {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, ok := parseInt([]byte(strings.TrimSpace(number)))
		if !ok || n < 0 || n > 1<<62/unit.bytes {
			return nil
		}
		n *= unit.bytes
		return &n
	}
	return nil
}

// maxSeconds is the longest time that parseSeconds accepts, about 68 years.
const maxSeconds = 1<<31 - 1

// parseSeconds parses a number of seconds, nil if it is none.
func parseSeconds(text string) *time.Duration {
	n, ok := parseInt([]byte(strings.TrimSpace(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), "s"))))
	if !ok || n < 0 || n > maxSeconds {
		return nil
	}
	d := time.Duration(n) * time.Second
	return &d
}
