package stratum

func hostile31() []hostileCase {
	return []hostileCase{}
}
