//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package keys

// single drops what keys such as the arrows send: an escape, "[" or "O", and all up to a
// letter or "~".
func single(typed []byte) []byte {
	var keys []byte
	for i := 0; i < len(typed); i++ {
		if typed[i] != 0x1b {
			keys = append(keys, typed[i])
			continue
		}
		if i++; i >= len(typed) || typed[i] != '[' && typed[i] != 'O' {
			continue // Alt and a key, or the escape key
		}
		for i++; i < len(typed) && typed[i] < '@'; i++ {
		}
	}
	return keys
}
