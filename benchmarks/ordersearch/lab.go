package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"
)

// lab measures forms: the generator writes them as assembly, the compiler adds that
// to package hashing as an overlay, which leaves the working tree unchanged, and the
// resulting program measures them.
type lab struct {
	root, folder string   // of quarry, and for temporary files
	under        []string // command that runs the measuring process
	kernel       string
	rolled       bool
}

const generatorFolder = "hashing/_asm"

func newLab(ctx context.Context, folder string) (*lab, error) {
	l := &lab{folder: folder}
	module, err := l.command(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}")
	if err != nil {
		return nil, err
	}
	name, root, _ := strings.Cut(strings.TrimSpace(string(module)), " ")
	if l.root = root; name != "quarry" {
		return nil, fmt.Errorf("module %q: run the order search in a working copy of quarry", name)
	}
	_, err = l.command(ctx, "go", "build", "-C", filepath.Join(l.root, generatorFolder), "-o", l.file("generator"), ".")
	return l, err
}

func (l *lab) file(name string) string { return filepath.Join(l.folder, name) }

// command runs a command to its end. Its error contains the output.
func (l *lab) command(ctx context.Context, name string, arguments ...string) ([]byte, error) {
	return output(exec.CommandContext(ctx, name, arguments...), l.root)
}

func output(c *exec.Cmd, folder string) ([]byte, error) {
	var out, errs bytes.Buffer
	c.Dir, c.Stdout, c.Stderr = folder, &out, &errs
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := c.Run(); err != nil {
		said := strings.TrimSpace(errs.String())
		return nil, fmt.Errorf("%s: %w: %.2000s", strings.Join(c.Args, " "), err, said)
	}
	return out.Bytes(), nil
}

// known is a line of the generator's table.
type known struct {
	Kernel string  `json:"kernel"`
	Rolled bool    `json:"rolled"`
	Form   form    `json:"form"`
	Family string  `json:"family"`
	Cycles float64 `json:"cycles"`
	Used   bool    `json:"used"`
}

// orders returns the table's lines for this function, the one in use first.
func (l *lab) orders(ctx context.Context) ([]known, error) {
	text, err := l.command(ctx, l.file("generator"), "-orders")
	if err != nil {
		return nil, err
	}
	var all, mine []known
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("the generator's table of orders: %w", err)
	}
	var names []string
	for _, o := range all {
		if names = append(names, o.Kernel); o.Kernel != l.kernel || o.Rolled != l.rolled {
			continue
		}
		if mine = append(mine, o); o.Used {
			mine[0], mine[len(mine)-1] = mine[len(mine)-1], mine[0]
		}
	}
	if len(mine) == 0 {
		return nil, fmt.Errorf("kernel %q has no forms to choose from: want one of %s", l.kernel, strings.Join(slices.Compact(slices.Sorted(slices.Values(names))), ", "))
	}
	return mine, nil
}

//go:embed candidates.tmpl
var templates embed.FS

// overlays returns the files of package hashing and of this package that hold the
// candidates.
func (l *lab) overlays() map[string]string {
	return map[string]string{
		filepath.Join(l.root, "hashing", "candidates_amd64.s"):              l.file("candidates_amd64.s"),
		filepath.Join(l.root, "hashing", "candidates_stub_amd64.go"):        l.file("candidates_stub_amd64.go"),
		filepath.Join(l.root, "hashing", "candidates_amd64.go"):             l.file("candidates_amd64.go"),
		filepath.Join(l.root, "benchmarks", "ordersearch", "candidates.go"): l.file("candidates.go"),
	}
}

// generate writes the candidates' source.
func (l *lab) generate(ctx context.Context, forms []form) error {
	if err := l.writeGlue(forms); err != nil {
		return err
	}
	_, err := l.command(ctx, l.file("generator"), "-candidates", l.file("forms.json"), "-pkg", "hashing",
		"-out", l.file("candidates_amd64.s"), "-stubs", l.file("candidates_stub_amd64.go"))
	return err
}

// writeGlue writes everything except the assembly.
func (l *lab) writeGlue(forms []form) error {
	glue, err := template.ParseFS(templates, "*.tmpl")
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := glue.Execute(&text, map[string]any{"Kernel": l.kernel, "Rolled": l.rolled, "Forms": forms}); err != nil {
		return err
	}
	asked, err := json.Marshal(map[string]any{"kernel": l.kernel, "rolled": l.rolled, "forms": forms})
	overlay, err2 := json.Marshal(map[string]any{"Replace": l.overlays()})
	return errors.Join(err, err2,
		os.WriteFile(l.file("candidates_amd64.go"), text.Bytes(), 0o600),
		os.WriteFile(l.file("candidates.go"), []byte(replacement), 0o600),
		os.WriteFile(l.file("forms.json"), asked, 0o600),
		os.WriteFile(l.file("overlay.json"), overlay, 0o600))
}

// compile builds the program that measures the generated candidates.
func (l *lab) compile(ctx context.Context) error {
	_, err := l.command(ctx, "go", "build", "-overlay", l.file("overlay.json"), "-o", l.file("measure"), "./benchmarks/ordersearch")
	return err
}

// replacement is candidates.go with candidates.
const replacement = `package main

import "quarry/hashing"

func candidates() []hashing.Kernel { return hashing.Candidates() }
`

// try builds and measures forms.
func (l *lab) try(ctx context.Context, forms []form, m measuring) (*measured, error) {
	if err := l.generate(ctx, forms); err != nil {
		return nil, err
	}
	if err := l.compile(ctx); err != nil {
		return nil, err
	}
	done, err := l.measure(ctx, m)
	if err == nil && len(done.Candidates) != len(forms) {
		err = fmt.Errorf("the measuring process reports %d forms, it was given %d", len(done.Candidates), len(forms))
	}
	return done, err
}

// endingTime is how long the measuring process may take to end.
const endingTime = 5 * time.Second

func (l *lab) measure(ctx context.Context, m measuring) (*measured, error) {
	in, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	line := append(slices.Clone(l.under), l.file("measure"), "-measure")
	c := exec.CommandContext(ctx, line[0], line[1:]...)
	// It ends with its standard input, whatever command runs it.
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	c.Stdin, c.Cancel, c.WaitDelay = read, write.Close, endingTime
	if _, err := write.Write(in); err != nil {
		return nil, errors.Join(err, read.Close())
	}
	text, err := output(c, l.folder)
	if err := errors.Join(err, read.Close()); err != nil {
		return nil, err
	}
	done := new(measured)
	if err := json.Unmarshal(text, done); err != nil {
		return nil, fmt.Errorf("output of the measuring process: %w", err)
	}
	return done, nil
}
