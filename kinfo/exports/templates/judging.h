/*
 * What the bytes say for and against one layout. A layout that its sum speaks for is refused by one thing that none of its
 * writers leaves, unlikely by a 0 that a finished record seldom has or a release of other kernels, and good when everything is there that it should have, on
 * a kernel that the layout was seen on. In between it is possible, no more.
 */
enum kinfo_judgement { KINFO_REFUSED, KINFO_UNLIKELY, KINFO_POSSIBLE, KINFO_GOOD };

struct kinfo_subject {
	const struct kinfo_layout *layout;
	const uint8_t *bytes;
	size_t size;
	uint32_t version; /* major << 16 | minor of the release; 0: none */
	int is_unfinished; /* no release: then what is 0 says nothing */
	int is_android;
};

static inline enum kinfo_judgement kinfo_worse(enum kinfo_judgement one, enum kinfo_judgement other)
{
	return one < other ? one : other;
}

static inline uint64_t kinfo_of(const struct kinfo_subject *of, enum kinfo_field field)
{
	return kinfo_raw(of->layout, field, of->bytes, of->size);
}

static inline int kinfo_knows(const struct kinfo_subject *of, enum kinfo_field field)
{
	return kinfo_has(of->layout, field, of->size);
}

/* Where a field lies, which the layout has and the bytes reach to. */
static inline const uint8_t *kinfo_bytes(const struct kinfo_subject *of, enum kinfo_field field)
{
	return of->bytes + of->layout->at[field];
}

/* Printable characters up to a NUL within `room` bytes; -1: something else stands there. A newline is `build_info`'s alone. */
static inline int kinfo_text_length(const uint8_t *at, size_t room, int with_newline)
{
	size_t length;

	for (length = 0; length < room && at[length] != 0; length++)
		if ((at[length] < 0x20 || at[length] > 0x7e) && !(with_newline && at[length] == '\n'))
			return -1;
	return (int)length;
}

/* What a 0 says that a finished record seldom has. */
static inline enum kinfo_judgement kinfo_zero(const struct kinfo_subject *of)
{
	return of->is_unfinished ? KINFO_POSSIBLE : KINFO_UNLIKELY;
}

static inline int kinfo_is_zero(const uint8_t *at, size_t size)
{
	while (size > 0)
		if (at[--size] != 0)
			return 0;
	return 1;
}

static inline size_t kinfo_digits(const uint8_t *at, size_t room, uint32_t *number)
{
	size_t count;

	for (*number = 0, count = 0; count < room && at[count] >= '0' && at[count] <= '9'; count++)
		*number = *number < 100000u ? *number * 10u + (uint32_t)(at[count] - '0') : *number;
	return count;
}

/* major << 16 | minor of a release; 0 for a text that begins otherwise. */
static inline uint32_t kinfo_version_of(const uint8_t *at, size_t length)
{
	uint32_t major, minor;
	size_t first = kinfo_digits(at, length, &major), second;

	if (first < 1 || first > 3 || first >= length || at[first] != '.')
		return 0;
	second = kinfo_digits(at + first + 1, length - first - 1, &minor);
	return second < 1 || second > 4 ? 0 : major << 16 | minor;
}

static inline int kinfo_contains(const uint8_t *at, size_t length, const char *word, size_t letters)
{
	size_t start, same;

	for (start = 0; start + letters <= length; start++) {
		for (same = 0; same < letters && at[start + same] == (uint8_t)word[same]; same++)
			;
		if (same == letters)
			return 1;
	}
	return 0;
}

/* 0 for `last`: open. */
static inline int kinfo_is_within(uint32_t version, uint32_t first, uint32_t last)
{
	return version >= first && (last == 0 || version <= last);
}

static inline enum kinfo_judgement kinfo_judge_release(struct kinfo_subject *of)
{
	enum kinfo_field field = of->layout->is_vendor ? KINFO_F_UTS_RELEASE : KINFO_F_LAST_UTS_RELEASE;
	size_t room = kinfo_sizes[field].bytes;
	const uint8_t *at;
	int length;

	if (!kinfo_knows(of, field))
		return KINFO_POSSIBLE;
	at = kinfo_bytes(of, field);
	if (!of->layout->is_vendor && kinfo_is_zero(at, room)) {
		of->is_unfinished = 1;
		return KINFO_POSSIBLE;
	}
	length = kinfo_text_length(at, room, 0);
	if (length < 1 || (size_t)length == room)
		return KINFO_REFUSED;
	of->version = kinfo_version_of(at, (size_t)length);
$android_marks
	if (of->version == 0)
		return of->layout->is_vendor ? KINFO_REFUSED : KINFO_POSSIBLE;
	if (!kinfo_is_within(of->version, of->layout->oldest, of->layout->newest))
		return KINFO_UNLIKELY;
	return kinfo_is_within(of->version, of->layout->seen_from, of->layout->seen_to) ? KINFO_GOOD : KINFO_POSSIBLE;
}

static inline enum kinfo_judgement kinfo_judge_build_info(const struct kinfo_subject *of)
{
	size_t room = kinfo_sizes[KINFO_F_BUILD_INFO].bytes;
	const uint8_t *at;

	if (of->layout->at[KINFO_F_BUILD_INFO] == KINFO_NOWHERE)
		return KINFO_GOOD;
	if (!kinfo_knows(of, KINFO_F_BUILD_INFO))
		return KINFO_POSSIBLE;
	at = kinfo_bytes(of, KINFO_F_BUILD_INFO);
	if (kinfo_is_zero(at, room))
		return KINFO_GOOD;
	return kinfo_text_length(at, room, 1) > 0 ? KINFO_GOOD : KINFO_REFUSED;
}

static inline enum kinfo_judgement kinfo_judge_numbers(const struct kinfo_subject *of)
{
	uint64_t bits = kinfo_of(of, KINFO_F_BIT_PER_LONG), name = kinfo_of(of, KINFO_F_NAME_LEN);
	uint64_t symbol = kinfo_of(of, KINFO_F_SYMBOL_LEN), stack = kinfo_of(of, KINFO_F_THREAD_SIZE);
	uint64_t table = kinfo_of(of, KINFO_F_SWAPPER_PG_DIR_PA);

	if (kinfo_of(of, KINFO_F_ENABLED_ALL) > 1 || kinfo_of(of, KINFO_F_ENABLED_BASE_RELATIVE) > 1 ||
	    kinfo_of(of, KINFO_F_ENABLED_ABSOLUTE_PERCPU) > 1 || kinfo_of(of, KINFO_F_ENABLED_CFI_CLANG) > 1)
		return KINFO_REFUSED;
	if ((bits != 32 && bits != 64) || name < 32 || name > 1024 || symbol <= name || symbol > 4096)
		return KINFO_REFUSED;
	if (stack != 0 && ((stack & (stack - 1)) != 0 || stack < KINFO_STACK_LEAST || stack > KINFO_STACK_MOST))
		return KINFO_REFUSED;
	if (table % 4096 != 0 || table >= KINFO_PA_LIMIT)
		return KINFO_REFUSED;
	if (of->version == 0 && name == KINFO_SHORT_NAME_LEN && of->layout->oldest >= KINFO_LONG_NAMES)
		return KINFO_UNLIKELY; /* no release, and the lengths of kernels that cannot have the layout */
	return stack == 0 || (table == 0 && of->layout->at[KINFO_F_SWAPPER_PG_DIR_PA] != KINFO_NOWHERE) ? KINFO_POSSIBLE
													 : KINFO_GOOD;
}

static inline enum kinfo_judgement kinfo_judge_image(const struct kinfo_subject *of)
{
	int is_virtual = of->layout->at[KINFO_F_STEXT_VA] != KINFO_NOWHERE;
	uint64_t start = kinfo_of(of, is_virtual ? KINFO_F_STEXT_VA : KINFO_F_STEXT_PA);
	uint64_t end = kinfo_of(of, is_virtual ? KINFO_F_END_VA : KINFO_F_END_PA);

	if (start == 0 || end == 0)
		return KINFO_POSSIBLE;
	if (is_virtual && start < (kinfo_of(of, KINFO_F_BIT_PER_LONG) == 64 ? KINFO_KERNEL_HALF : 0x80000000u))
		return KINFO_REFUSED;
	if (!is_virtual && start >= KINFO_PA_LIMIT)
		return KINFO_REFUSED;
	return start < end ? KINFO_GOOD : KINFO_POSSIBLE;
}

/* Whether an address is where the image starts: at _stext, or before it by no more than its head. */
static inline int kinfo_is_image_start(const struct kinfo_subject *of, uint64_t address)
{
	return address != 0 && kinfo_of(of, KINFO_F_STEXT_PA) - address < KINFO_TEXT_GAP;
}

/* The two words in front of _stext_pa in the layouts with seqs_of_names among the tables: what tells them apart. */
static inline enum kinfo_judgement kinfo_judge_base(const struct kinfo_subject *of)
{
	uint64_t base = kinfo_of(of, KINFO_F_RELATIVE_PA), text = kinfo_of(of, KINFO_F_TEXT_PA);
	uint64_t addresses = kinfo_of(of, KINFO_F_ADDRESSES_PA), flag = kinfo_of(of, KINFO_F_ENABLED_BASE_RELATIVE);

	if (of->layout->at[KINFO_F_TEXT_PA] == KINFO_NOWHERE) {
		if (of->layout->at[KINFO_F_SEQS_OF_NAMES_PA] == KINFO_NOWHERE ||
		    of->layout->at[KINFO_F_SEQS_OF_NAMES_PA] > of->layout->at[KINFO_F_THREAD_SIZE])
			return KINFO_GOOD;
		if (addresses != 0 && kinfo_is_image_start(of, addresses))
			return KINFO_REFUSED;
		return flag == 1 && addresses == 0 && kinfo_is_image_start(of, base) ? KINFO_GOOD : KINFO_POSSIBLE;
	}
	if (of->layout->at[KINFO_F_RESERVED] != KINFO_NOWHERE) {
		if (kinfo_of(of, KINFO_F_RESERVED) != 0)
			return KINFO_REFUSED;
		return flag == 0 && kinfo_is_image_start(of, text) && of->is_android ? KINFO_GOOD : KINFO_POSSIBLE;
	}
	if (flag == 1 && base == 0 && of->version != 0 && of->version < KINFO_NO_BASE_CHOICE)
		return KINFO_REFUSED;
	if (flag != 0 || !kinfo_is_image_start(of, text))
		return KINFO_POSSIBLE;
	return kinfo_is_image_start(of, base) || (base == 0 && !of->is_android) ? KINFO_GOOD : KINFO_POSSIBLE;
}

static inline enum kinfo_judgement kinfo_judge_offsets(const struct kinfo_subject *of)
{
	static const enum kinfo_field fields[] = {KINFO_F_MOD_CORE_LAYOUT_OFFSET, KINFO_F_MOD_INIT_LAYOUT_OFFSET,
						  KINFO_F_MOD_MEM_OFFSET, KINFO_F_MOD_KALLSYMS_OFFSET};
	uint64_t last = 0, value;
	size_t index, zeros = 0, known = 0;
	int is_rising = 1;

	for (index = 0; index < sizeof(fields) / sizeof(fields[0]); index++) {
		if (!kinfo_knows(of, fields[index]))
			continue;
		value = kinfo_of(of, fields[index]);
		zeros += value == 0;
		is_rising = is_rising && value > last && value % 4 == 0 && value < KINFO_MODULE_LIMIT;
		last = value;
		known++;
	}
	if (zeros == known && known > 0)
		return kinfo_zero(of);
	return is_rising ? KINFO_GOOD : KINFO_REFUSED;
}

static inline enum kinfo_judgement kinfo_judge_range(const struct kinfo_subject *of)
{
	uint64_t start = kinfo_of(of, KINFO_F_MODULE_START_VA), end = kinfo_of(of, KINFO_F_MODULE_END_VA);
	uint64_t plt = kinfo_of(of, KINFO_F_MODULE_PLT_START_VA);
	uint64_t least = kinfo_of(of, KINFO_F_BIT_PER_LONG) == 64 ? KINFO_KERNEL_HALF : 1u << 24;

	if (!kinfo_knows(of, KINFO_F_MODULE_START_VA) || !kinfo_knows(of, KINFO_F_MODULE_END_VA))
		return KINFO_GOOD;
	if (start == 0 && end == 0 && plt == 0)
		return kinfo_of(of, KINFO_F_MOD_KALLSYMS_OFFSET) == 0 ? KINFO_POSSIBLE : kinfo_zero(of);
	return least <= start && start < end && (plt == 0 || plt >= least) ? KINFO_GOOD : KINFO_REFUSED;
}

static inline enum kinfo_judgement kinfo_judge_scmversion(const struct kinfo_subject *of)
{
	uint64_t flag = kinfo_of(of, KINFO_F_ENABLED_MODULE_SCMVERSION), offset = kinfo_of(of, KINFO_F_MOD_SCMVERSION_OFFSET);

	if (!kinfo_knows(of, KINFO_F_MOD_SCMVERSION_OFFSET))
		return KINFO_GOOD;
	if (flag == 0 && offset == 0)
		return KINFO_POSSIBLE;
	return flag == 1 && offset > 0 && offset < KINFO_MODULE_LIMIT ? KINFO_GOOD : KINFO_REFUSED;
}

/* seqs_of_names behind everything else, and the reserved words behind it. */
static inline enum kinfo_judgement kinfo_judge_reserved_data(const struct kinfo_subject *of)
{
	static const enum kinfo_field tables[] = {$tables};
	uint64_t seqs = kinfo_of(of, KINFO_F_SEQS_OF_NAMES_PA), place;
	size_t index, near = 0;
	int is_zero;

	if (!kinfo_knows(of, KINFO_F_RESERVED_DATA))
		return KINFO_GOOD;
	is_zero = kinfo_is_zero(kinfo_bytes(of, KINFO_F_RESERVED_DATA), kinfo_sizes[KINFO_F_RESERVED_DATA].bytes);
	if (seqs == 0)
		return is_zero ? kinfo_zero(of) : KINFO_REFUSED;
	for (index = 0; index < sizeof(tables) / sizeof(tables[0]); index++) {
		place = kinfo_of(of, tables[index]);
		near += (place > seqs ? place - seqs : seqs - place) < KINFO_IMAGE_LIMIT;
	}
	if (near < 3)
		return KINFO_REFUSED;
	return is_zero ? KINFO_GOOD : KINFO_POSSIBLE;
}

static inline int kinfo_is_without_modules(const struct kinfo_subject *of)
{
	static const enum kinfo_field fields[] = {$module_fields};
	size_t index;

	if (!of->layout->guards_modules)
		return 0;
	for (index = 0; index < sizeof(fields) / sizeof(fields[0]); index++)
		if (kinfo_of(of, fields[index]) != 0)
			return 0;
	return 1;
}

static inline enum kinfo_judgement kinfo_judge_modules(const struct kinfo_subject *of)
{
	uint64_t name = kinfo_of(of, KINFO_F_MODULE_NAME_LEN);
	enum kinfo_judgement found;

	if (!kinfo_knows(of, KINFO_F_ENABLED_MODULES_TREE_LOOKUP))
		return name == 0 ? KINFO_POSSIBLE : KINFO_GOOD;
	if (kinfo_of(of, KINFO_F_ENABLED_MODULES_TREE_LOOKUP) > 1)
		return KINFO_REFUSED;
	if (kinfo_is_without_modules(of))
		return name != 0 && of->layout->guards_name_len ? kinfo_zero(of) : KINFO_POSSIBLE;
	found = kinfo_worse(kinfo_judge_offsets(of), kinfo_judge_range(of));
	found = kinfo_worse(found, kinfo_worse(kinfo_judge_scmversion(of), kinfo_judge_reserved_data(of)));
	return kinfo_worse(found, name == 0 ? KINFO_POSSIBLE : KINFO_GOOD);
}

static inline enum kinfo_judgement kinfo_judge_va_space(const struct kinfo_subject *of)
{
	uint64_t bits = kinfo_of(of, KINFO_F_VA_BITS), start = kinfo_of(of, KINFO_F_PAGE_OFFSET);

	if (!kinfo_knows(of, KINFO_F_VA_BITS) || !kinfo_knows(of, KINFO_F_PAGE_OFFSET))
		return KINFO_GOOD;
	if (bits == 0 && start == 0)
		return kinfo_zero(of);
	return bits >= 32 && bits <= 57 && start >= KINFO_KERNEL_HALF ? KINFO_GOOD : KINFO_REFUSED;
}

static inline enum kinfo_judgement kinfo_judge_vendor(const struct kinfo_subject *of)
{
	const struct kinfo_size *names = &kinfo_sizes[KINFO_F_DSS_FREQ_NAME];
	uint64_t root = kinfo_of(of, KINFO_F_MOD_ROOT_PA), length = kinfo_of(of, KINFO_F_NAMES_TOTAL_LEN);
	uint64_t suspend = kinfo_of(of, KINFO_F_SUSPEND_DIAG_VA);
	enum kinfo_judgement found = KINFO_GOOD;
	const uint8_t *at;
	size_t index;

	if (root != 0 && (root < 1u << 24 || root >= KINFO_PA_LIMIT || root % 4 != 0))
		return KINFO_REFUSED;
	if (length >= KINFO_NAMES_LIMIT || (suspend != 0 && suspend < KINFO_KERNEL_HALF))
		return KINFO_REFUSED;
	if (kinfo_knows(of, KINFO_F_DSS_FREQ_NAME)) {
		at = kinfo_bytes(of, KINFO_F_DSS_FREQ_NAME);
		for (index = 0; index < names->elements; index++)
			if (kinfo_text_length(at + index * names->width, names->width, 0) < 0)
				return KINFO_REFUSED;
		if (kinfo_is_zero(at, names->bytes))
			found = KINFO_POSSIBLE;
	}
	if ((kinfo_knows(of, KINFO_F_MOD_ROOT_PA) && root == 0) || (kinfo_knows(of, KINFO_F_NAMES_TOTAL_LEN) && length == 0) ||
	    (kinfo_knows(of, KINFO_F_SUSPEND_DIAG_VA) && suspend == 0))
		found = KINFO_POSSIBLE;
	return found;
}

static inline enum kinfo_judgement kinfo_judge(const struct kinfo_layout *layout, const uint8_t *bytes, size_t size)
{
	struct kinfo_subject of;
	enum kinfo_judgement found;

	of.layout = layout;
	of.bytes = bytes;
	of.size = size;
	of.version = 0;
	of.is_unfinished = 0;
	of.is_android = 0;
	found = kinfo_judge_release(&of);
	if (layout->is_vendor)
		return kinfo_worse(found, kinfo_worse(kinfo_judge_vendor(&of), kinfo_judge_va_space(&of)));
	found = kinfo_worse(found, kinfo_worse(kinfo_judge_numbers(&of), kinfo_judge_image(&of)));
	found = kinfo_worse(found, kinfo_worse(kinfo_judge_base(&of), kinfo_judge_build_info(&of)));
	return kinfo_worse(found, kinfo_worse(kinfo_judge_modules(&of), kinfo_judge_va_space(&of)));
}
