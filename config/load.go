package config

import (
	"cmp"
	"runtime"
	"strings"
)

// load fills the sections of a schema from file, environment and flags.
func load(in Input, s *schema) (shown, error) {
	c := checker{in: in, schema: s, collector: &collector{}}
	environ := parseEnviron(in.Environ)
	var found shown
	file := values{}
	if found.file, found.looked = in.chooseFile(environ); found.file != "" {
		file = loadFile(c, found.file)
	}
	env := readEnv(c, environ)
	flags := readFlags(c, in)
	all := merge(c, file, env, flags)
	for _, section := range s.sections {
		section.set(c, all)
	}
	found.record(s, all)
	found.warnings = c.warnings
	return found, c.err()
}

// chooseFile returns the file to read, "" for none, and where it was looked for
// if none was named.
func (in Input) chooseFile(environ map[string]string) (file string, looked []string) {
	if named := cmp.Or(in.File, environ["QUARRY_CONFIG"]); named != "" {
		file, _ = ExpandHome(named) // loadFile reports what cannot be expanded
		return file, nil
	}
	looked = in.SearchPaths
	if looked == nil {
		looked = SearchPaths(runtime.GOOS, func(name string) (string, bool) {
			text, set := environ[envName(name)]
			return text, set
		})
	}
	return find(looked), looked
}

// envName returns a variable's name as parseEnviron stores it: on Windows these
// names do not differ by case.
func envName(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}

func parseEnviron(environ []string) map[string]string {
	set := map[string]string{}
	for _, entry := range environ {
		if name, text, found := strings.Cut(entry, "="); found && text != "" {
			set[envName(name)] = text
		}
	}
	return set
}

// readFlags reads the settings of the command line.
func readFlags(c checker, in Input) given {
	from := given{}
	for _, s := range c.schema.settings {
		if s.Flag == "" {
			continue
		}
		at := place{layer: layerFlag, source: cmp.Or(in.Typed[s.Flag], "--"+s.Flag)}
		for _, text := range in.Flags[s.Flag] {
			if yes, known := parseBool(text); s.Inverted && known {
				text = map[bool]string{true: "false", false: "true"}[yes]
			}
			from[s.Name()] = append(from[s.Name()], c.item(s, text, at, at.origin()))
		}
	}
	return from
}
