package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// ExpandHome returns the path with the user's home folder in place of a leading ~,
// which a shell leaves alone in --log-file=~/x, in quotes and in files. The home of
// another user (~name) is refused rather than taken as a file's name.
func ExpandHome(path string) (string, error) {
	rest, found := strings.CutPrefix(path, "~")
	if !found {
		return path, nil
	}
	if rest != "" && !os.IsPathSeparator(rest[0]) {
		return path, errors.New("the home folder of another user is not looked up; write the whole path, or ./" + path + " if the name begins with ~")
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return path, errors.New("this user's home folder is unknown (HOME is not set); write the whole path")
	}
	return filepath.Join(home, rest), nil
}

// filePath returns the file that the text of a Path setting names: in a configuration
// file relative to that file's folder. The problem is "" when there is none.
func filePath(text string, at place) (path, problem string) {
	path, err := ExpandHome(text)
	switch {
	case err != nil:
		return text, quote(text) + ": " + err.Error()
	case at.layer == layerFile && path != "" && !filepath.IsAbs(path):
		path = filepath.Join(filepath.Dir(at.source), path)
	}
	return path, ""
}
