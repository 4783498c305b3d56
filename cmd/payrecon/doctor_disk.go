package main

import (
	"fmt"
	"path/filepath"

	"payrecon/internal/payout"
)

// disk is what the system says of the file system that a folder lies on.
type disk struct {
	free    uint64 // bytes that this user may still write
	kind    string // "" when it is a local one, or not known
	unknown bool   // the system was not asked, or does not say
}

// checkDisk judges the file system of a file: SQLite's write-ahead log and locks need a local one, and it must not fill up.
func checkDisk(name, file string) []check {
	dir := filepath.Dir(file)
	d, err := diskOf(dir)
	if err != nil || d.unknown {
		return nil // the folder's own check says what is wrong with it
	}
	return judgeDisk(name, dir, d)
}

func judgeDisk(name, dir string, d disk) []check {
	var checks []check
	if d.kind != "" {
		checks = append(checks, warn(name, "move the database to a local disk: locks and the write-ahead log are not safe there", "%s lies on a network file system (%s)", dir, d.kind))
	}
	free := sizeText(int64(min(d.free, 1<<62)))
	switch {
	case d.free < spaceFail:
		return append(checks, fail("disk space", "make room", payout.Errorf(payout.KindInput, "%s are free in %s", free, dir)))
	case d.free < spaceWarn:
		return append(checks, warn("disk space", "make room before it runs out", "%s are free in %s", free, dir))
	}
	return append(checks, ok("disk space", "%s", fmt.Sprintf("%s are free in %s", free, dir)))
}
