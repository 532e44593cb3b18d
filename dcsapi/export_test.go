package dcsapi

// MaxOpen is the bound on a key's open requests.
const MaxOpen = maxOpen

// NewKeyring returns a keyring with another bound.
func NewKeyring(open int) *Keyring { return &Keyring{most: open} }
