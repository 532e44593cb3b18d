package aggregate

import "time"

// Dimension is something that sessions are counted by within a limit.
type Dimension string

// The dimensions.
const (
	Users        Dimension = "users"
	Clients      Dimension = "clients" // pairs of user and client address
	Commands     Dimension = "commands"
	Databases    Dimension = "databases"
	Names        Dimension = "names"
	Networks     Dimension = "networks"
	ClientGroups Dimension = "groups" // of clients
)

// Limits are the numbers of distinct values per node that stay apart: those with
// the most sessions, ties by value. Half of the Clients, rounded up, are those with
// the most sessions; the others are those with the most memory, query buffer and
// output memory together. Other comes on top of a limit, and so does Ungrouped
// for Groups. 0 turns a family off, but for users, where it folds all into Other.
type Limits struct {
	Users, Clients, Commands, Databases, Names, Networks, Groups int

	// Hold is how long users, clients, commands and names keep their place after
	// they were last among the heaviest, 0 for not at all. Until then only a value
	// that weighs more than twice as much, and has no place, takes the place.
	Hold time.Duration
}
