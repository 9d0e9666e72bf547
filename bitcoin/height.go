package bitcoin

import "bytes"

// CoinbaseHeight returns the height of the block that a coinbase transaction
// names (BIP 34). The beginning of the transaction is enough. The height is
// unknown if the coinbase has another form.
func CoinbaseHeight(coinbase []byte) (height uint64, known bool) {
	// Version, and one input that spends nothing: 32 zeros and four times ff.
	const version, outpoint = 4, 36
	rest := coinbase
	if len(rest) < version+1+outpoint+2 || rest[version] != 1 {
		return 0, false
	}
	spent, script := rest[version+1:version+1+outpoint], rest[version+1+outpoint:]
	if !bytes.Equal(spent, append(make([]byte, 32), 0xff, 0xff, 0xff, 0xff)) {
		return 0, false
	}
	// The script's length, at most 100, then the height as its first push.
	length, script := int(script[0]), script[1:]
	const op1, op16 = 0x51, 0x60
	switch push := int(script[0]); {
	case push >= op1 && push <= op16:
		return uint64(push - op1 + 1), true
	case push < 1 || push > 5 || push > len(script)-1 || push > length-1:
		return 0, false
	default:
		number := script[1 : 1+push] // little-endian, its top bit the sign
		for i := push - 1; i >= 0; i-- {
			height = height<<8 | uint64(number[i])
		}
		return height, number[push-1]&0x80 == 0
	}
}
