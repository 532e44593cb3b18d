package emulator

// Instance is a DCS instance.
type Instance struct {
	ID                  string
	ProjectID           string
	Name                string
	Engine              string // default "Redis"
	EngineVersion       string
	SpecCode            string
	Status              string // default "RUNNING"
	EnterpriseProjectID any    // a string, or the number 0 as in the vendor's samples
	Tags                map[string]string
	OddTags             any // if set, replaces the tags
	Nodes               []Node
	Unsupported         bool // no session management: DCS.4848

	MaxMemory      int    // in MB; default 2048
	SSL            bool   // connections are encrypted
	PassThrough    string // of client addresses: "on", "off", or "" for not supported
	SpecMaxClients int    // connections that the specification supports; default 10000 for each shard
	// Parameters are parameters of the servers' configuration that differ from the
	// defaults. With an empty value, the parameter is missing.
	Parameters map[string]string
}

// Node is a logical node.
type Node struct {
	ID        string
	Name      string
	Role      string // redis-server or redis-proxy
	Type      string // master, slave or proxy
	IP        string
	Port      int // default 6379
	GroupName string
	AZCode    string
	Sessions  Source // nil for none
}

// instanceState is an instance with its nodes' lists.
type instanceState struct {
	Instance
	lists map[string]*nodeList // by node id
}

func newInstanceState(i Instance) *instanceState {
	if i.Engine == "" {
		i.Engine = "Redis"
	}
	if i.Status == "" {
		i.Status = "RUNNING"
	}
	state := &instanceState{Instance: i, lists: make(map[string]*nodeList)}
	for _, n := range i.Nodes {
		state.lists[n.ID] = &nodeList{}
	}
	return state
}

// node returns the node with an id.
func (i *instanceState) node(id string) (Node, bool) {
	for _, n := range i.Nodes {
		if n.ID == id {
			return n, true
		}
	}
	return Node{}, false
}
