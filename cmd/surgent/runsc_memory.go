package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// memoryFile, in a container's bundle, says in bytes how much memory it may
// use. The engine writes it.
const memoryFile = "memory"

// tellMemory replaces the size of the machine's memory in the arguments of a
// sandbox's process by what the sandbox may use: programs inside size their
// heaps by what they see. runsc would look it up itself, had it made the control
// group, which the engine does. Without a readable file the arguments stay.
func tellMemory(args []string) []string {
	at := slices.Index(args, "--total-memory")
	boot := slices.Index(args, "boot")
	if boot < 0 || at < boot || at+1 >= len(args) {
		return args
	}
	for _, a := range args[boot:at] {
		bundle, ok := strings.CutPrefix(a, "--bundle=")
		if !ok {
			continue
		}
		text, err := os.ReadFile(filepath.Join(bundle, memoryFile))
		if err != nil {
			return args
		}
		limit, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		machine, merr := strconv.ParseUint(args[at+1], 10, 64)
		if err != nil || merr != nil || limit == 0 || limit >= machine {
			return args
		}
		args = slices.Clone(args)
		args[at+1] = strconv.FormatUint(limit, 10)
		return args
	}
	return args
}
