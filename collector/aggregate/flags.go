package aggregate

// flag is one property of a session, told by a letter of its flags.
type flag struct {
	letter byte
	name   string
	always bool // exported even if no session has it
	waits  bool // a session with it is idle by design
}

// flagTable lists the flags; a set of them is a bit mask by position. The last
// one stands for letters that are not in the table.
var flagTable = [...]flag{
	{'N', "normal", true, false},
	{'M', "master", false, true},
	{'S', "replica", true, true},
	{'O', "monitor", true, true},
	{'P', "pubsub", true, true},
	{'x', "transaction", true, false},
	{'b', "blocked", true, true},
	{'d', "watch_dirty", true, false},
	{'c', "close_after_reply", true, false},
	{'A', "close_asap", true, false},
	{'u', "unblocked", false, false},
	{'U', "unix_socket", false, false},
	{'r', "readonly", false, false},
	{'t', "tracking", false, false},
	{'R', "tracking_broken", false, false},
	{'B', "broadcast", false, false},
	{'e', "no_evict", false, false},
	{'T', "no_touch", false, false},
	{0, "unknown", false, false},
}

// unknownFlag is the position of the flag for letters that nobody knows.
const unknownFlag = len(flagTable) - 1

// flagSet is a set of flags.
type flagSet uint32

// parseFlags returns the flags that the letters name. No letters are no flags.
func parseFlags(letters string) flagSet {
	var set flagSet
	for i := range len(letters) {
		set |= 1 << flagPosition[letters[i]]
	}
	return set
}

// flagPosition is the position of each letter's flag in flagTable.
var flagPosition = func() (position [256]uint8) {
	for letter := range position {
		position[letter] = uint8(unknownFlag)
	}
	for i, f := range flagTable[:unknownFlag] {
		position[f.letter] = uint8(i)
	}
	return position
}()

// waitingFlags are the flags of sessions that are idle by design.
var waitingFlags = func() (set flagSet) {
	for i, f := range flagTable {
		if f.waits {
			set |= 1 << i
		}
	}
	return set
}()

// replicationFlags are the flags of links between a replica and its master.
const replicationFlags flagSet = 1<<1 | 1<<2 // M, S

// superuser is the user that Redis shows for links that it opens itself, such
// as a replica's to its master. What a replica opens to the master shows there
// as the user that it authenticates as, default unless masteruser is set.
const superuser = "(superuser)"

// replicates reports whether a session with these flags is a link between a
// replica and its master, rather than a client's.
func (s flagSet) replicates(user string) bool {
	return s&replicationFlags != 0 || user == superuser
}

// FlagNames returns the names of the flags that letters name, each once, in the
// order of ByFlag and as the label flag of dcs_sessions_by_flag has them. Letters
// without a meaning are "unknown"; no letters are no names.
func FlagNames(letters string) []string {
	set := parseFlags(letters)
	var names []string
	for i, f := range flagTable {
		if set&(1<<i) != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// waits reports whether a session with these flags is idle by design: it waits
// for messages, data or its master.
func (s flagSet) waits() bool { return s&waitingFlags != 0 }
