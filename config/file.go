package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unicode/utf8"
)

const (
	maxFile       = 1 << 20 // bytes of a configuration file
	maxSecretFile = 4096    // bytes of a password file
	maxPEMFile    = 1 << 20 // bytes of a tls_ca file
)

// SearchPaths returns where a configuration file is looked for when none is
// named, the user's place before the system's. goos is a runtime.GOOS value;
// lookup finds environment variables, HOME among them.
func SearchPaths(goos string, lookup func(string) (string, bool)) []string {
	var paths []string
	add := func(variable string, below ...string) {
		if dir, _ := lookup(variable); dir != "" && (filepath.IsAbs(dir) || goos == "windows") {
			paths = append(paths, filepath.Join(append([]string{dir}, below...)...))
		}
	}
	switch goos {
	case "windows":
		add("AppData", "quarry", "config.toml")
		add("ProgramData", "quarry", "config.toml")
	case "darwin":
		add("HOME", "Library", "Application Support", "quarry", "config.toml")
		paths = append(paths, "/Library/Application Support/quarry/config.toml")
	default:
		// The XDG base directory specification: a relative value counts as unset.
		if dir, _ := lookup("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
			add("XDG_CONFIG_HOME", "quarry", "config.toml")
		} else {
			add("HOME", ".config", "quarry", "config.toml")
		}
		if strings.HasSuffix(goos, "bsd") {
			paths = append(paths, "/usr/local/etc/quarry/config.toml")
		}
		paths = append(paths, "/etc/quarry/config.toml")
	}
	return paths
}

// find returns the first of paths that exists, or "".
func find(paths []string) string {
	for _, path := range paths {
		// A path that cannot be examined is not skipped silently: opening it
		// gives the reason.
		_, err := os.Stat(path)
		if err == nil || !(errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) {
			return path
		}
	}
	return ""
}

// loadFile reads and checks one configuration file.
func loadFile(c checker, path string) values {
	if _, err := ExpandHome(path); err != nil {
		c.add(place{layer: layerFile, source: path}.fault("", err.Error()))
		return values{}
	}
	data, problem := readLimited(path, maxFile, false)
	if problem != "" {
		c.add(place{layer: layerFile, source: path}.fault("", problem))
		return values{}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		c.add(notUTF8(path, data))
		return values{}
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) { // no TOML begins so
		fault := place{layer: layerFile, source: path}.fault("", "is JSON, as other miners have it")
		fault.Expected = "TOML, like what quarry config init prints"
		c.add(fault)
		return values{}
	}
	return readTOML(c, path, data)
}

// notUTF8 points at the first byte that is not UTF-8.
func notUTF8(path string, data []byte) Fault {
	good := 0
	for good < len(data) {
		r, size := utf8.DecodeRune(data[good:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		good += size
	}
	r := tomlReader{name: path, data: data}
	fault := r.at(good).fault("", "is not UTF-8 text")
	fault.Expected = "a TOML file saved as UTF-8"
	return fault
}

// readLimited reads a whole file of at most limit bytes. With regular, pipes
// and devices, which could block forever, are refused. The problem is "" when
// there is none.
func readLimited(path string, limit int64, regular bool) (data []byte, problem string) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fileProblem(err)
	}
	if info.IsDir() {
		return nil, "is a directory, not a file"
	}
	if regular && !info.Mode().IsRegular() {
		return nil, "is not a regular file"
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fileProblem(err)
	}
	defer file.Close()
	data, err = io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fileProblem(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Sprintf("is bigger than %d KiB", limit/1024)
	}
	return data, ""
}

// fileProblem describes an error of the file system without the path, which
// the fault gives anyway.
func fileProblem(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by this user"
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return "cannot be read: " + err.Error()
}

// worldReadable reports whether every user of the machine may read a file.
// Windows has no such bits.
func worldReadable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
}

// readSecret reads a password file: one line of text.
func readSecret(path string) (text, problem string) {
	data, problem := readLimited(path, maxSecretFile, true)
	if problem != "" {
		return "", problem
	}
	text = strings.TrimPrefix(string(data), "\ufeff")
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case text == "":
		return "", "is empty"
	case strings.ContainsAny(text, "\r\n"):
		return "", "has more than one line"
	}
	return text, unprintable(text)
}
