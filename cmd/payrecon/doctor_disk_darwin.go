package main

import (
	"strings"
	"syscall"
)

func diskOf(dir string) (disk, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return disk{}, err
	}
	var name strings.Builder
	for _, c := range st.Fstypename {
		if c == 0 {
			break
		}
		name.WriteByte(byte(c))
	}
	d := disk{free: st.Bavail * uint64(st.Bsize)}
	switch name.String() {
	case "nfs", "smbfs", "afpfs", "webdav", "macfuse", "osxfuse":
		d.kind = name.String()
	}
	return d, nil
}
