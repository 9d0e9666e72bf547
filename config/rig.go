package config

// Rig is the [rig] table: what this machine is among others.
type Rig struct {
	Name string // empty: the host's name
}

func (*Rig) table() table {
	return table{name: "rig", category: "Rig", title: "This machine among others.", settings: []Setting{
		{Key: "name", Kind: String, Env: "QUARRY_RIG", Flag: "rig",
			Doc: "name of this machine in reports; empty = the host's name", Example: "shelf-3"},
	}}
}

func (s *Rig) set(_ checker, all values) {
	*s = Rig{Name: all.one("rig").items["name"].text}
}
