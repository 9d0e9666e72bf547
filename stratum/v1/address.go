package v1

import (
	"bytes"
	"math/big"
	"strings"

	"quarry/hashing"
)

// addressOf is what may be an address in a user's name: what comes before the
// worker's name.
func addressOf(user string) string {
	if end := strings.IndexFunc(user, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}); end >= 0 {
		return user[:end]
	}
	return user
}

// maxAddress is how long a Bitcoin address may be (BIP 173).
const maxAddress = 90

// outputScript is the script that pays to the Bitcoin address, of the main
// network, a test network or regtest; nil if it is no address.
func outputScript(address string) []byte {
	if len(address) > maxAddress {
		return nil
	}
	if script := segwitScript(address); script != nil {
		return script
	}
	payload := base58Check(address)
	if len(payload) != 21 {
		return nil
	}
	switch hash := payload[1:]; payload[0] {
	case 0x00, 0x6f: // to a public key's hash: DUP HASH160 hash EQUALVERIFY CHECKSIG
		return append(append([]byte{0x76, 0xa9, 20}, hash...), 0x88, 0xac)
	case 0x05, 0xc4: // to a script's hash: HASH160 hash EQUAL
		return append(append([]byte{0xa9, 20}, hash...), 0x87)
	}
	return nil
}

const base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58Check is what the text stands for without its checksum, nil if that is
// wrong.
func base58Check(text string) []byte {
	number := new(big.Int)
	for i := range len(text) {
		digit := strings.IndexByte(base58Digits, text[i])
		if digit < 0 {
			return nil
		}
		number.Add(number.Mul(number, big.NewInt(58)), big.NewInt(int64(digit)))
	}
	zeros := len(text) - len(strings.TrimLeft(text, "1"))
	b := append(make([]byte, zeros), number.Bytes()...)
	if len(b) < 4 {
		return nil
	}
	payload, checksum := b[:len(b)-4], b[len(b)-4:]
	if sum := hashing.Sum256d(payload); !bytes.Equal(sum[:4], checksum) {
		return nil
	}
	return payload
}

const bech32Digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// Checksum constants of bech32 (BIP 173), for witness version 0, and bech32m
// (BIP 350), for all later ones.
const (
	bech32Sum  = 1
	bech32mSum = 0x2bc830a3
)

// segwitScript is the script of a bech32 or bech32m address, nil if it is none.
func segwitScript(address string) []byte {
	lower := strings.ToLower(address)
	prefix, data, ok := strings.Cut(lower, "1")
	if !ok || address != lower && address != strings.ToUpper(address) || prefix != "bc" && prefix != "tb" && prefix != "bcrt" {
		return nil
	}
	digits := make([]byte, len(data))
	for i := range len(data) {
		digit := strings.IndexByte(bech32Digits, data[i])
		if digit < 0 {
			return nil
		}
		digits[i] = byte(digit)
	}
	if len(digits) < 7 || digits[0] > 16 {
		return nil
	}
	version, sum := digits[0], uint32(bech32mSum)
	if version == 0 {
		sum = bech32Sum
	}
	program := bytesOf5Bits(digits[1 : len(digits)-6])
	if bech32Polymod(prefix, digits) != sum || len(program) < 2 || len(program) > 40 || version == 0 && len(program) != 20 && len(program) != 32 {
		return nil
	}
	opcode := version // 0, or OP_1 to OP_16
	if version > 0 {
		opcode += 0x50
	}
	return append([]byte{opcode, byte(len(program))}, program...)
}

// bech32Polymod is the checksum of BIP 173 over prefix and digits.
func bech32Polymod(prefix string, digits []byte) uint32 {
	var all []byte
	for i := range len(prefix) {
		all = append(all, prefix[i]>>5)
	}
	all = append(all, 0)
	for i := range len(prefix) {
		all = append(all, prefix[i]&31)
	}
	sum := uint32(1)
	for _, v := range append(all, digits...) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	return sum
}

// bytesOf5Bits joins groups of 5 bits, nil if what is left over is not less
// than a group of zeros.
func bytesOf5Bits(groups []byte) []byte {
	var out []byte
	bits, have := uint32(0), 0
	for _, g := range groups {
		bits, have = bits<<5|uint32(g), have+5
		if have >= 8 {
			have -= 8
			out = append(out, byte(bits>>have))
			bits &= 1<<have - 1
		}
	}
	if have >= 5 || bits != 0 {
		return nil
	}
	return out
}
