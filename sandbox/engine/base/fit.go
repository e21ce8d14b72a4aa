//go:build linux

package base

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// searchPath are the folders where programs in a sandbox look for programs.
var searchPath = []string{"usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"}

// needed are the programs that every sandbox must have, with the Debian
// package that brings each.
var needed = []struct{ program, pkg string }{
	{"sh", "dash"},
	{"bash", "bash"},
	{"git", "git"},
	{"find", "findutils"},
	{"xargs", "findutils"},
	{"stat", "coreutils"},
	{"tar", "tar"},
}

// maxProgram is the largest program or library that is looked into.
const maxProgram = 512 << 20

// find returns the path of a program that a sandbox can run, "" for none.
func (t *tree) find(program string) string {
	for _, dir := range searchPath {
		at, err := t.follow(path.Join(dir, program))
		if err != nil {
			continue // a link that leads nowhere
		}
		if info, err := t.root.Lstat(at); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return at
		}
	}
	return ""
}

// lacks tells what a root file system lacks that every sandbox needs, in words
// for people. Node.js and Bun are in it already.
func (t *tree) lacks() []string {
	var out []string
	for _, n := range needed {
		if t.find(n.program) == "" {
			out = append(out, fmt.Sprintf("%s (package %s)", n.program, n.pkg))
		}
	}
	if !t.hasAuthorities() {
		out = append(out, "certificate authorities (package ca-certificates)")
	}
	missing := map[string]bool{}
	for _, program := range []string{"node", "bun", "git"} {
		at := t.find(program)
		if at == "" {
			continue // told above, or not in the recipe
		}
		why, err := t.unlinked(at)
		if err != nil {
			why = []string{fmt.Sprintf("a %s that runs (%v)", program, err)}
		}
		for _, w := range why {
			if !missing[w] {
				missing[w] = true
				out = append(out, w+" for "+program)
			}
		}
	}
	return out
}

var bundles = []string{"etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/ca-bundle.pem"}

func (t *tree) hasAuthorities() bool {
	return slices.ContainsFunc(bundles, func(name string) bool {
		text, err := t.read(name)
		return err == nil && len(text) > 0
	})
}

// unlinked tells which loader, libraries and versions of them a program needs
// and would not find.
func (t *tree) unlinked(program string) (out []string, err error) {
	// debug/elf promises nothing about an enemy's files.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("read %s or what it links to: %v", program, r)
		}
	}()
	f, err := t.open(program, maxProgram)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	bin, err := elf.NewFile(f)
	if err != nil {
		return nil, nil // a script, whose interpreter is what counts
	}
	loader, err := interpreter(bin)
	if err != nil {
		return nil, err
	}
	if loader == "" {
		return nil, nil // static
	}
	if at, err := t.follow(loader); err != nil || !t.exists(at) {
		// Another libc: its libraries are none of this program's.
		return []string{"glibc (" + loader + ")"}, nil
	}
	needs, err := bin.DynamicVersionNeeds()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil, err
	}
	versions := map[string][]string{}
	for _, n := range needs {
		for _, v := range n.Needs {
			if v.Flags&elf.VER_FLG_WEAK != 0 {
				continue
			}
			versions[n.Name] = append(versions[n.Name], v.Dep)
		}
	}
	libraries, err := bin.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, lib := range libraries {
		has, err := t.versionsOf(lib, bin.Machine)
		if err != nil {
			out = append(out, lib)
			continue
		}
		var old []string
		for _, v := range versions[lib] {
			if !slices.Contains(has, v) {
				old = append(old, v)
			}
		}
		if len(old) > 0 {
			slices.Sort(old)
			out = append(out, fmt.Sprintf("a newer %s (with %s)", lib, old[len(old)-1]))
		}
	}
	return out, nil
}

func (t *tree) exists(at string) bool {
	_, err := t.root.Lstat(at)
	return err == nil
}

func interpreter(bin *elf.File) (string, error) {
	for _, p := range bin.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		if p.Filesz > 4096 {
			return "", errors.New("its loader's name is too long")
		}
		name := make([]byte, p.Filesz)
		if _, err := p.ReadAt(name, 0); err != nil {
			return "", err
		}
		return strings.TrimRight(string(name), "\x00"), nil
	}
	return "", nil
}

// versionsOf returns the versions that a library defines.
func (t *tree) versionsOf(lib string, machine elf.Machine) ([]string, error) {
	if strings.Contains(lib, "/") {
		return nil, fs.ErrNotExist
	}
	triple := map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu"}[machine]
	for _, dir := range []string{"lib/" + triple, "usr/lib/" + triple, "lib64", "usr/lib64", "lib", "usr/lib", "usr/local/lib"} {
		f, err := t.open(path.Join(dir, lib), maxProgram)
		if err != nil {
			continue // the next place
		}
		defer func() { _ = f.Close() }()
		bin, err := elf.NewFile(f)
		if err != nil || bin.Machine != machine {
			continue
		}
		defined, err := bin.DynamicVersions()
		if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
			return nil, err
		}
		var out []string
		for _, v := range defined {
			out = append(out, v.Name)
		}
		return out, nil
	}
	return nil, fs.ErrNotExist
}
