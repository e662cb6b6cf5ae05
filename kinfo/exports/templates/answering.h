static inline void kinfo_say_nothing(struct kinfo_answer *answer, const uint8_t *bytes, size_t size)
{
	answer->memory = bytes;
	answer->size = size < KINFO_LARGEST ? size : KINFO_LARGEST;
	answer->mask = 0;
	answer->layout = KINFO_LAYOUTS;
	answer->sum = KINFO_SUM_WRONG;
	answer->status = KINFO_NO_RECORD;
}

static inline int kinfo_is_one_bit_off(const struct kinfo_layout *layout, const uint8_t *bytes, size_t size)
{
	uint32_t difference;

	if (size < layout->size)
		return 0;
	difference = kinfo_checksum(bytes, layout->size) ^ (uint32_t)kinfo_little_endian(bytes + 4, 4);
	return difference != 0 && (difference & (difference - 1)) == 0;
}

/* `summed`: layouts whose sum holds; `near`: others that may be the truth; `likely` and `good`: what the fields say of each. */
static inline void kinfo_conclude(struct kinfo_answer *answer, uint32_t summed, uint32_t near, uint32_t likely, uint32_t good)
{
	uint32_t best = summed & likely, index;
	enum kinfo_sum sum;

	answer->mask = summed | near;
	answer->status = KINFO_UNSURE;
	for (index = 0; index < KINFO_LAYOUTS; index++) {
		if ((answer->mask >> index & 1u) == 0)
			continue;
		sum = kinfo_sum_of(&kinfo_layouts[index], answer->memory, answer->size);
		answer->sum = answer->sum == KINFO_SUM_WRONG || answer->sum == sum ? sum : KINFO_SUM_OPEN;
	}
	if (near != 0)
		answer->sum = KINFO_SUM_OPEN;
	if (best == 0 || (best & (best - 1)) != 0 || (best & good) == 0 || (near & likely) != 0)
		return;
	for (index = 0; (best >> index & 1u) == 0; index++)
		;
	answer->mask = best;
	answer->layout = index;
	answer->sum = kinfo_sum_of(&kinfo_layouts[index], answer->memory, answer->size);
	answer->status = KINFO_SURE;
}

/* Whether something follows the longest of these layouts, in a region that does not hold old data everywhere. */
static inline int kinfo_goes_on(const struct kinfo_answer *answer, uint32_t mask, size_t size)
{
	size_t longest = 0, zeros = 0, at;
	unsigned int index;

	for (index = 0; index < KINFO_LAYOUTS; index++)
		if ((mask >> index & 1u) != 0 && kinfo_layouts[index].size > longest)
			longest = kinfo_layouts[index].size;
	size = size < KINFO_LOOKED_AT ? size : KINFO_LOOKED_AT;
	for (at = KINFO_LARGEST; at < size; at++)
		zeros += answer->memory[at] == 0;
	if (size > KINFO_LARGEST && zeros < (size - KINFO_LARGEST) / 2)
		return 0;
	return !kinfo_is_zero(answer->memory + longest, answer->size - longest);
}

/*
 * Which layout the record at `memory` has. Hand over all that is there up to the end of the region: with fewer than
 * KINFO_LARGEST bytes the longer layouts cannot be ruled out.
 *
 * KINFO_SURE: `layout` it is. KINFO_UNSURE: its sum holds, and more than one layout fits, or one whose record is not finished;
 * `mask` has them all (1u << KINFO_L_...), and the accessors give what all of them have at the same place. Otherwise nothing
 * is said, and the accessors give nothing: a record whose sum does not hold wants `kinfo decode`.
 */
static inline enum kinfo_status kinfo_detect(const void *memory, size_t size, struct kinfo_answer *answer)
{
	const uint8_t *bytes = (const uint8_t *)memory;
	uint32_t summed = 0, near = 0, there = 0, likely = 0, good = 0, whole = 0, bit;
	size_t shortest = KINFO_LARGEST;
	unsigned int index;

	kinfo_say_nothing(answer, bytes, size);
	if (size < 8)
		return answer->status;
	for (index = 0, bit = 1; index < KINFO_LAYOUTS; index++, bit <<= 1) {
		const struct kinfo_layout *layout = &kinfo_layouts[index];
		enum kinfo_judgement judged;

		if (kinfo_little_endian(bytes, 4) != layout->magic)
			continue;
		answer->status = KINFO_DAMAGED;
		judged = kinfo_judge(layout, bytes, answer->size);
		good |= judged == KINFO_GOOD ? bit : 0;
		likely |= judged >= KINFO_POSSIBLE ? bit : 0;
		there |= judged >= KINFO_UNLIKELY ? bit : 0;
		near |= kinfo_is_one_bit_off(layout, bytes, answer->size) ? bit : 0;
		if (kinfo_sum_of(layout, bytes, answer->size) == KINFO_SUM_WRONG)
			continue;
		summed |= bit;
		whole |= layout->size == size ? bit : 0;
		if (judged >= KINFO_POSSIBLE && layout->size < shortest)
			shortest = layout->size;
	}
	if (summed == 0 && answer->status == KINFO_DAMAGED && size >= 2 * KINFO_LARGEST && kinfo_little_endian(bytes + 4, 4) == 0)
		answer->status = KINFO_UNFINISHED;
	if ((summed & likely) == 0 || (whole & ~there) != 0) /* whole: all of the bytes, but its fields make no sense */
		return answer->status;
	/*
	 * A longer record whose end is lost can leave a shorter one's sum right, for XOR does not see zeros; and a flipped bit
	 * another's sum. They count against being sure, whatever speaks for them.
	 */
	for (index = 0, bit = 1; index < KINFO_LAYOUTS; index++, bit <<= 1)
		near |= kinfo_layouts[index].size > shortest ? bit : 0;
	kinfo_conclude(answer, summed & there, near & there & ~summed, likely | whole, good);
	if (answer->status == KINFO_UNSURE && kinfo_goes_on(answer, summed & there, size)) {
		kinfo_say_nothing(answer, bytes, size);
		answer->status = KINFO_DAMAGED;
	}
	return answer->status;
}

/* Read memory by a layout that the caller knows, whatever is there: 1, or 0 where the bytes end before the record does. */
static inline int kinfo_as(unsigned int layout, const void *memory, size_t size, struct kinfo_answer *answer)
{
	if (layout >= KINFO_LAYOUTS || size < kinfo_layouts[layout].size)
		return 0;
	answer->memory = (const uint8_t *)memory;
	answer->size = kinfo_layouts[layout].size;
	answer->mask = 1u << layout;
	answer->layout = layout;
	answer->sum = kinfo_sum_of(&kinfo_layouts[layout], answer->memory, size);
	answer->status = KINFO_SURE;
	return 1;
}

/*
 * The first record at or behind `from`, at a multiple of `step` bytes (4096: where regions begin; a multiple of 4), that
 * kinfo_detect() is sure or unsure of. Its offset is in `found`: go on from `found + step`. 0 where there is none.
 */
static inline int kinfo_find(const void *memory, size_t size, size_t from, size_t step, size_t *found, struct kinfo_answer *answer)
{
	const uint8_t *bytes = (const uint8_t *)memory;

	if (step == 0 || from > SIZE_MAX - step)
		return 0;
	for (from = (from + step - 1) / step * step; from < size && size - from >= KINFO_SMALLEST; from += step) {
		if (kinfo_detect(bytes + from, size - from, answer) >= KINFO_UNSURE) {
			*found = from;
			return 1;
		}
		if (size - from <= step)
			break;
	}
	return 0;
}

/* Where a field lies: 1, or 0 where the layouts of the answer do not have it at one place, or the bytes end before it. */
static inline int kinfo_place(const struct kinfo_answer *answer, enum kinfo_field field, size_t *place)
{
	size_t at = KINFO_NOWHERE;
	unsigned int index;

	if ((unsigned int)field >= KINFO_FIELDS || answer->mask == 0)
		return 0;
	for (index = 0; index < KINFO_LAYOUTS; index++) {
		if ((answer->mask >> index & 1u) == 0)
			continue;
		if (kinfo_layouts[index].at[field] == KINFO_NOWHERE || (at != KINFO_NOWHERE && at != kinfo_layouts[index].at[field]))
			return 0;
		at = kinfo_layouts[index].at[field];
	}
	if (at == KINFO_NOWHERE || at + kinfo_sizes[field].bytes > answer->size)
		return 0;
	*place = at;
	return 1;
}

/* A number, or element `index` of an array of them: 1, or 0 where it is not known. */
static inline int kinfo_number(const struct kinfo_answer *answer, enum kinfo_field field, unsigned int index, uint64_t *value)
{
	size_t place;

	if (!kinfo_place(answer, field, &place) || kinfo_sizes[field].is_text)
		return 0;
	if (index >= (kinfo_sizes[field].elements ? kinfo_sizes[field].elements : 1u))
		return 0;
	place += (size_t)index * kinfo_sizes[field].width;
	*value = kinfo_little_endian(answer->memory + place, kinfo_sizes[field].width);
	return 1;
}

/*
 * A text up to its NUL, or element `index` of an array of texts, into `room` bytes, NUL at the end; what is not printable
 * becomes '?'. 1, or 0 where it is not known or does not fit.
 */
static inline int kinfo_text(const struct kinfo_answer *answer, enum kinfo_field field, unsigned int index, char *text, size_t room)
{
	size_t place, length;

	if (!kinfo_place(answer, field, &place) || !kinfo_sizes[field].is_text)
		return 0;
	if (index >= (kinfo_sizes[field].elements ? kinfo_sizes[field].elements : 1u))
		return 0;
	place += (size_t)index * kinfo_sizes[field].width;
	for (length = 0; length < kinfo_sizes[field].width && answer->memory[place + length] != 0; length++) {
		uint8_t byte = answer->memory[place + length];

		if (length + 1 >= room)
			return 0;
		text[length] = byte >= 0x20 && byte <= 0x7e ? (char)byte : '?';
	}
	if (length >= room)
		return 0;
	text[length] = '\0';
	return 1;
}
