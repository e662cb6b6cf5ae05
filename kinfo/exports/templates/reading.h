/* Memory is read byte by byte: no alignment is asked of it, and the machine may have either byte order. */

static inline uint64_t kinfo_little_endian(const uint8_t *at, size_t width)
{
	uint64_t value = 0;

	while (width > 0)
		value = value << 8 | at[--width];
	return value;
}

/* XOR of the 32-bit words behind the first 8 bytes of `size`; a rest of 1 to 3 bytes does not count. */
static inline uint32_t kinfo_checksum(const void *record, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)record;
	uint32_t sum = 0;
	size_t at;

	for (at = 8; at + 4 <= size; at += 4)
		sum ^= (uint32_t)kinfo_little_endian(bytes + at, 4);
	return sum;
}

static inline enum kinfo_sum kinfo_sum_of(const struct kinfo_layout *layout, const uint8_t *bytes, size_t size)
{
	uint32_t stored, computed;

	if (size < layout->size || kinfo_little_endian(bytes, 4) != layout->magic)
		return KINFO_SUM_WRONG;
	stored = (uint32_t)kinfo_little_endian(bytes + 4, 4);
	computed = kinfo_checksum(bytes, layout->size);
	if (stored == computed)
		return KINFO_SUM_VALID;
	return stored == (computed ^ 0xffffffffu) ? KINFO_SUM_INVERTED : KINFO_SUM_WRONG;
}

/* A number where a layout has it; 0 where it has none or the bytes end before it, which kinfo_has() tells apart. */
static inline int kinfo_has(const struct kinfo_layout *layout, enum kinfo_field field, size_t size)
{
	return layout->at[field] != KINFO_NOWHERE && (size_t)layout->at[field] + kinfo_sizes[field].bytes <= size;
}

static inline uint64_t kinfo_raw(const struct kinfo_layout *layout, enum kinfo_field field, const uint8_t *bytes, size_t size)
{
	if (!kinfo_has(layout, field, size))
		return 0;
	return kinfo_little_endian(bytes + layout->at[field], kinfo_sizes[field].width);
}
