//go:build linux

package engine

// boxesDir is the folder of boxes in the data folder.
const boxesDir = "boxes"
