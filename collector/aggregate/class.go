package aggregate

// Class is a class of clients, by which Redis limits output buffers. Normal, PubSub
// and Replica have limits of their own; those of Normal hold for Master too.
type Class uint8

// The classes, in the order of Classes.
const (
	Normal  Class = iota // all others, MONITOR included: by default without a limit
	PubSub               // subscribers of channels or patterns
	Replica              // replicas of the node
	Master               // the node's own master
)

// Classes are the names of the classes, as Redis has them.
var Classes = [...]string{Normal: "normal", PubSub: "pubsub", Replica: "replica", Master: "master"}

// class returns the class that Redis puts a client with these flags in.
func (s flagSet) class() Class {
	const master, replica, pubsub flagSet = 1 << 1, 1 << 2, 1 << 4 // M, S, P
	switch {
	case s&master != 0:
		return Master
	case s&replica != 0:
		return Replica
	case s&pubsub != 0:
		return PubSub
	default:
		return Normal
	}
}

// ClassStats holds the totals of the sessions of a class.
type ClassStats struct {
	Sessions     int64
	OutputMemory Sum // bytes
}
