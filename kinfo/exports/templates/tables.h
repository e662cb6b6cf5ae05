/* Every field of every layout. */
enum kinfo_field {
$fields
	KINFO_FIELDS
};

/* Every layout, oldest first: the bits of `mask` in an answer, and the places in kinfo_layouts. */
enum kinfo_layout_id {
$layout_ids
	KINFO_LAYOUTS
};

$constants

/* Bytes of one element, elements (0: no array), bytes in all: the same in every layout that has the field. */
struct kinfo_size {
	uint16_t width, elements, bytes, is_text;
};

struct kinfo_layout {
	char name[32];
	char alias[8]; /* arrays, not pointers: nothing to relocate */
	uint32_t magic;
	uint16_t size; /* bytes */
	uint32_t oldest, newest; /* kernels that can have it, major << 16 | minor; 0: open */
	uint32_t seen_from, seen_to; /* kernels that it was seen on */
	uint8_t is_vendor; /* a block in the second half of the region, beside the kernel's record */
	uint8_t guards_modules, guards_name_len; /* what is left 0 in trees built without CONFIG_MODULES */
	uint16_t at[KINFO_FIELDS]; /* offsets; KINFO_NOWHERE where it has no such field */
};

static const struct kinfo_size kinfo_sizes[KINFO_FIELDS] = {
$sizes
};

static const struct kinfo_layout kinfo_layouts[KINFO_LAYOUTS] = {
$layouts
};

/*
 * What the checksum proves. Inverted: a boot loader has read the record once, and stored the complement. Open: the layouts of
 * the answer differ in it.
 */
enum kinfo_sum { KINFO_SUM_WRONG, KINFO_SUM_VALID, KINFO_SUM_INVERTED, KINFO_SUM_OPEN };

enum kinfo_status {
	KINFO_NO_RECORD, /* no magic */
	KINFO_DAMAGED, /* a magic, and no layout that fits has a sum that holds */
	KINFO_UNFINISHED, /* a magic, and no sum is stored, nor would 0 be one: the writer did not come to it */
	KINFO_UNSURE, /* a record; which of `mask` it is the bytes do not say */
	KINFO_SURE /* a record of `layout` */
};

struct kinfo_answer {
	const uint8_t *memory;
	size_t size; /* of the bytes that are looked at */
	uint32_t mask; /* the layouts that fit, by bit; 0: none is said */
	unsigned int layout; /* the one of them where the status is KINFO_SURE, else KINFO_LAYOUTS */
	enum kinfo_sum sum;
	enum kinfo_status status;
};
