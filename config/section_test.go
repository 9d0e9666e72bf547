package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestEveryFieldIsASection: newSchema skips what is not.
func TestEveryFieldIsASection(t *testing.T) {
	if fields, sections := reflect.TypeFor[Config]().NumField(), len(newSchema(&Config{}).sections); fields != sections {
		t.Errorf("Config has %d fields, of which %d are sections", fields, sections)
	}
}

// houseConfig is a list of sections that only this test has: a second array
// that can be given by flags, a third that only a file has, and a plain table.
type houseConfig struct {
	Nodes  houseNodes
	Tokens houseTokens
	API    houseAPI
}

type houseNodes []struct {
	URL    string
	Secret Secret
	Weight int
}

func (*houseNodes) table() table {
	return table{name: "node", array: true, namedBy: "url", category: "Node", title: "Which nodes to mine to.", none: "no node: nothing is mined alone",
		intro: "The node to mine to.",
		settings: []Setting{
			{Key: "url", Kind: String, Env: "QUARRY_NODE", Flag: "node", Required: true, InSample: true, Doc: "node to mine to", Example: "http://127.0.0.1:8332"},
			{Key: "secret", Kind: SecretText, Env: "QUARRY_NODE_SECRET", Flag: "node-secret", Prompt: "node secret", Doc: "secret of the node"},
			{Key: "secret_file", Kind: Path, Doc: "file with the secret of the node"},
			{Key: "weight", Kind: Int, Default: "1", Max: 100, Doc: "share of the work", Flag: "node-weight", Env: "QUARRY_NODE_WEIGHT", WarnUnused: true},
		}}
}

func (h *houseNodes) set(c checker, all values) {
	for _, e := range all["node"] {
		e.checkSecret(c, "secret")
		*h = append(*h, struct {
			URL    string
			Secret Secret
			Weight int
		}{e.items["url"].text, e.secret(c, "secret"), int(e.items["weight"].num)})
	}
}

type houseTokens []string

func (*houseTokens) table() table {
	return table{name: "token", array: true, category: "Token", title: "Who may ask.", settings: []Setting{
		{Key: "name", Kind: String, Doc: "name of the token", Example: "phone"},
		{Key: "read_only", Kind: Bool, Default: "true", Flag: "read-only", Doc: "the token cannot change anything"},
	}}
}

func (h *houseTokens) set(_ checker, all values) {
	for _, e := range all["token"] {
		*h = append(*h, e.items["name"].text)
	}
}

type houseAPI struct {
	Listen string
	Every  time.Duration
	Secret Secret
}

func (*houseAPI) table() table {
	return table{name: "api", category: "API", title: "The interface for programs.", settings: []Setting{
		{Key: "listen", Kind: String, Default: "localhost:1", Env: "QUARRY_LISTEN", Flag: "listen", InSample: true, Doc: "address to listen at", Example: "localhost:2"},
		{Key: "every", Kind: Duration, Default: "5s", Min: int64(time.Second), Max: int64(time.Minute), Doc: "time between updates"},
		{Key: "secret", Kind: SecretText, Env: "QUARRY_API_SECRET", Doc: "secret of the interface"},
	}}
}

func (h *houseAPI) set(c checker, all values) {
	e := all.one("api")
	*h = houseAPI{e.items["listen"].text, time.Duration(e.items["every"].num), e.secret(c, "secret")}
}

// loadHouse loads with the test's own list of sections; faults name the file
// rig.toml.
func loadHouse(t *testing.T, text string, environ []string, flags map[string][]string) (houseConfig, shown, string) {
	t.Helper()
	dir := t.TempDir()
	var into houseConfig
	in := Input{File: write(t, dir, "rig.toml", text), Environ: environ, Flags: flags,
		Checks: map[string]func(string) error{"node.url": func(url string) error {
			if !strings.HasPrefix(url, "http://") {
				return fmt.Errorf("%q is no node", url)
			}
			return nil
		}}}
	found, err := load(in, newSchema(&into))
	if err != nil {
		return into, found, strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
	}
	return into, found, ""
}

func TestNewSectionsLoad(t *testing.T) {
	file := "[[node]]\nurl = \"http://a\"\nsecret = \"" + hunter + "\"\n[[token]]\nname = \"phone\"\n[[node]]\nurl = \"http://b\"\nweight = 7\n[api]\nevery = \"9s\"\n"
	for name, tc := range map[string]struct {
		file string
		env  []string
		flag map[string][]string
		want string
	}{
		"defaults": {want: "[] [] {localhost:1 5s }"},
		"file":     {file: file, want: "[{http://a ******** 1} {http://b  7}] [phone] {localhost:1 9s }"},
		"inline":   {file: "node = [{url = \"http://a\"}]\napi.listen = \"l:3\"\ntoken = [{}, {name = \"x\"}]\n", want: "[{http://a  1}] [ x] {l:3 5s }"},
		"env over file": {file: file, env: []string{"QUARRY_NODE_WEIGHT=3", "QUARRY_LISTEN=l:4", "QUARRY_API_SECRET=" + hunter},
			want: "[{http://a ******** 3} {http://b  3}] [phone] {l:4 9s ********}"},
		"env's own node": {file: file, env: []string{"QUARRY_NODE=http://c"}, want: "[{http://c  1}] [phone] {localhost:1 9s }"},
		"flags over all": {file: file, env: []string{"QUARRY_LISTEN=l:4"}, flag: map[string][]string{"node": {"http://d", "http://e"}, "node-weight": {"5", "6"}, "listen": {"l:5"}},
			want: "[{http://d  5} {http://e  6}] [phone] {l:5 9s }"},
	} {
		got, _, faults := loadHouse(t, tc.file, tc.env, tc.flag)
		if text := fmt.Sprintf("%v %v %v", got.Nodes, got.Tokens, got.API); faults != "" || text != tc.want {
			t.Errorf("%s:\ngot  %s %s\nwant %s", name, text, faults, tc.want)
		}
	}
}

func TestNewSectionsFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		file string
		env  []string
		flag map[string][]string
		want string
	}{
		"unknown key":      {file: "[[node]]\nurl = \"http://a\"\nwieght = 4\n", want: `rig.toml:3:1: node.wieght: unknown key; did you mean "weight"?`},
		"of another":       {file: "[[token]]\nlisten = 4\n", want: `rig.toml:2:1: token.listen: unknown key; did you mean "api.listen"?`},
		"unknown table":    {file: "[[nod]]\n[pool]\n", want: "rig.toml:1:3: nod: unknown table; did you mean \"node\"?\nrig.toml:2:2: pool: unknown table"},
		"wrong type":       {file: "[[node]]\nsecret = 271828\n", want: `rig.toml:2:10: node.secret: is a whole number; expected text in quotes`},
		"out of range":     {file: "[[node]]\n  weight = 101\n", want: `rig.toml:2:12: node.weight: "101" is not allowed; expected a whole number from 0 to 100`},
		"injected":         {file: "[[node]]\nurl = \"a\"\n", want: `rig.toml:2:7: node.url: "a" is no node`},
		"single brackets":  {file: "[node]\n", want: `rig.toml:1:2: node: there may be several nodes: write [[node]] in double brackets`},
		"double brackets":  {file: "[[api]]\n", want: `rig.toml:1:3: api: is one table: write [api] in single brackets`},
		"key twice":        {file: "[[node]]\nweight = 1\nweight = 2\n", want: `rig.toml:3:1: node.weight: given twice, first on line 2`},
		"array twice":      {file: "node = []\n[[node]]\n", want: `rig.toml:2:3: node: nodes are already listed on line 1`},
		"table twice":      {file: "[api]\n[[node]]\n[api]\n", want: `rig.toml:3:2: api: table given twice, first on line 1`},
		"not an array":     {file: "node = \"http://a\"\n", want: `rig.toml:1:8: node: is a string; expected [[node]] and its keys below it`},
		"too many":         {file: strings.Repeat("[[token]]\n", 70), want: `rig.toml:65:3: token: more than 64 tokens`},
		"secret twice":     {file: "[[node]]\nsecret = \"" + hunter + "\"\nsecret_file = \"/none\"\n", want: "rig.toml:3:15: node.secret_file: given together with secret; give only one of them\nrig.toml:3:15: node.secret_file: \"/none\" no such file"},
		"flag":             {file: "[[node]]\n", flag: map[string][]string{"node-weight": {"x"}}, want: `--node-weight: "x" is not allowed; expected a whole number from 0 to 100`},
		"env":              {env: []string{"QUARRY_NODE=b"}, want: `QUARRY_NODE: "b" is no node`},
		"flag, no entry":   {flag: map[string][]string{"node-weight": {"1"}}, want: `--node-weight: given without a node; name the node with --node`},
		"flag, file alone": {flag: map[string][]string{"read-only": {"true"}}, want: `--read-only: given without a token; add a [[token]] to the configuration file`},
		"flags, too many":  {file: "[[node]]\n", flag: map[string][]string{"node-weight": {"1", "2"}}, want: `--node-weight: given 2 times for 1 node(s); give it once for all, or once for each`},
	} {
		_, _, got := loadHouse(t, tc.file, tc.env, tc.flag)
		if got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, tc.want)
		}
		if strings.Contains(got, hunter) || strings.Contains(got, "271828") {
			t.Errorf("%s: a fault shows a secret: %s", name, got)
		}
	}
}

func TestNewSectionsWarnings(t *testing.T) {
	_, found, faults := loadHouse(t, "", []string{"QUARRY_NODE=http://a", "QUARRY_NODE_WEIGHT=2", "QUARRY_THREADS=x"}, map[string][]string{"node": {"http://b"}})
	want := []string{"environment variable QUARRY_THREADS is not a setting of quarry, and is not used",
		"QUARRY_NODE_WEIGHT is not used: it belongs to QUARRY_NODE, and --node names another node; give it with --node-weight"}
	if faults != "" || !reflect.DeepEqual(found.warnings, want) {
		t.Errorf("%s\ngot  %q\nwant %q", faults, found.warnings, want)
	}
	if _, _, got := loadHouse(t, "", []string{"QUARRY_LISTN=x"}, nil); got != `QUARRY_LISTN: no setting has this environment variable; did you mean "QUARRY_LISTEN"?` {
		t.Errorf("got %s", got)
	}
	_, found, _ = loadHouse(t, "", []string{"QUARRY_NODE_WEIGHT=2"}, nil)
	if got := strings.Join(found.warnings, "\n"); got != "QUARRY_NODE_WEIGHT is set, but no node is configured that it could belong to" {
		t.Errorf("got %s", got)
	}
}

func TestNewSectionsAreShown(t *testing.T) {
	_, found, faults := loadHouse(t, "[api]\nsecret = \""+hunter+"\"\n[[node]]\nurl = \"http://a\"\nsecret = \""+hunter+"\"\n", nil, map[string][]string{"listen": {"l:1"}})
	if faults != "" {
		t.Fatal(faults)
	}
	text := found.text()
	asJSON, err := found.json()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"\n[[node]]\nurl = \"http://a\" ", "secret = \"********\" ", "weight = 1  ", "# default\n", "\n[api]\nlisten = \"l:1\" ", "# --listen\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
	if strings.Contains(text+string(asJSON), hunter) || !json.Valid(asJSON) || !strings.Contains(string(asJSON), `"key": "node[0].secret"`) {
		t.Errorf("a secret shows, or a key is missing:\n%s\n%s", text, asJSON)
	}
	if found.origins()["node[0].url"].Kind != "file" || found.origins()["api.every"].Kind != "default" {
		t.Errorf("origins %v", found.origins())
	}
	if _, none, _ := loadHouse(t, "", nil, nil); !strings.Contains(none.text(), "# no node: nothing is mined alone\n") || strings.Contains(none.text(), "[[") {
		t.Errorf("shown without entries:\n%s", none.text())
	}
}

func TestNewSectionsInPrintedFiles(t *testing.T) {
	s := newSchema(&houseConfig{})
	if _, _, faults := loadHouse(t, s.reference(), nil, nil); faults != "" {
		t.Errorf("the reference is not valid: %s", faults)
	}
	for _, want := range []string{"\n# Which nodes to mine to.\n#\n#[[node]]\n\n# Node to mine to.\n# Flag --node, environment QUARRY_NODE. Example: \"http://127.0.0.1:8332\"\n#url = \"http://127.0.0.1:8332\"\n",
		"\n# File with the secret of the node.\n#secret_file = \"\"\n", "\n# Name of the token.\n# Example: \"phone\"\n#name = \"\"\n", "\n[api]\n\n"} {
		if !strings.Contains(s.reference(), want) {
			t.Errorf("no\n%s\nin\n%s", want, s.reference())
		}
	}
	want := "\n\n# The node to mine to.\n#[[node]]\n#url = \"http://127.0.0.1:8332\"                 # node to mine to\n\n[api]\n#listen = \"localhost:2\"                        # address to listen at\n"
	if !strings.HasSuffix(s.sample(), want) {
		t.Errorf("got\n%s\nwant at its end\n%s", s.sample(), want)
	}
}
