package bitcoin

import (
	"bytes"
	"crypto/sha256"
	"math/big"
	"strings"
)

// maxAddress is the longest Bitcoin address, in characters (BIP 173).
const maxAddress = 90

// Network holds the prefixes of one network's addresses.
type Network struct {
	Bech32     string // prefix of witness addresses (BIP 173)
	PubKeyHash byte   // first byte of a base58 address that pays to a public key's hash
	ScriptHash byte   // of one that pays to a script's hash
}

// Networks returns the main network, the test networks and regtest.
func Networks() []Network {
	return []Network{{"bc", 0x00, 0x05}, {"tb", 0x6f, 0xc4}, {"bcrt", 0x6f, 0xc4}}
}

// OutputScript returns the script that pays to the address, of any network; nil
// if it is not an address.
func OutputScript(address string) []byte {
	if len(address) > maxAddress {
		return nil
	}
	payload := base58Check(address)
	for _, n := range Networks() {
		if script := witnessScript(address, n.Bech32); script != nil {
			return script
		}
		if len(payload) != 21 {
			continue
		}
		switch hash := payload[1:]; payload[0] {
		case n.PubKeyHash: // DUP HASH160 hash EQUALVERIFY CHECKSIG
			return append(append([]byte{0x76, 0xa9, 20}, hash...), 0x88, 0xac)
		case n.ScriptHash: // HASH160 hash EQUAL
			return append(append([]byte{0xa9, 20}, hash...), 0x87)
		}
	}
	return nil
}

const base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58Check returns the decoded text without its checksum, nil if that is wrong.
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
	if sum := hash256(payload); !bytes.Equal(sum[:4], checksum) {
		return nil
	}
	return payload
}

// hash256 returns the SHA-256 of the SHA-256.
func hash256(b []byte) [sha256.Size]byte {
	once := sha256.Sum256(b)
	return sha256.Sum256(once[:])
}

const bech32Digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// Checksum constants of bech32 (BIP 173), for witness version 0, and bech32m
// (BIP 350), for all later ones.
const (
	bech32Sum  = 1
	bech32mSum = 0x2bc830a3
)

// witnessScript returns the script of a bech32 or bech32m address with the prefix,
// nil if it is not one.
func witnessScript(address, want string) []byte {
	lower := strings.ToLower(address)
	prefix, data, ok := strings.Cut(lower, "1")
	if !ok || address != lower && address != strings.ToUpper(address) || prefix != want {
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

// bech32Polymod returns the checksum of BIP 173 over prefix and digits.
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

// bytesOf5Bits joins groups of 5 bits. It returns nil unless the bits left over are
// zeros and fewer than a group.
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
