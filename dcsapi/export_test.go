package dcsapi

// MaxOpen is the bound on a key's requests in flight.
const MaxOpen = maxInFlight

// NewKeyring returns a keyring with another such bound.
func NewKeyring(open int) *Keyring { return &Keyring{window: open} }
