/*
 * What kinfo_layouts.h says of each case in a file of them: `probe CASES`, where a case is its length (u32, little-endian) and
 * its bytes. One line a case: status, layout, mask, sum, where kinfo_find() finds what, and what the accessors give.
 * Each case is put into memory of its own size, so that a sanitizer sees every read behind it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kinfo_layouts.h"

static void show_fields(const struct kinfo_answer *answer)
{
	unsigned int field, index, many;
	uint64_t value;
	char text[300];

	for (field = 0; field < KINFO_FIELDS; field++) {
		many = kinfo_sizes[field].elements ? kinfo_sizes[field].elements : 1;
		for (index = 0; index <= many; index++) {
			if (kinfo_number(answer, (enum kinfo_field)field, index, &value))
				printf(" %u.%u=%llx", field, index, (unsigned long long)value);
			if (kinfo_text(answer, (enum kinfo_field)field, index, text, sizeof(text)))
				printf(" %u.%u=\"%s\"", field, index, text);
			if (kinfo_text(answer, (enum kinfo_field)field, index, text, 8))
				printf(" short");
		}
	}
	printf("\n");
}

static void judge(const uint8_t *bytes, size_t size)
{
	struct kinfo_answer answer, other;
	size_t found = 0, from = 0;
	unsigned int layout;

	kinfo_detect(bytes, size, &answer);
	printf("%d %u %x %d ", (int)answer.status, answer.layout, (unsigned int)answer.mask, (int)answer.sum);
	for (layout = 0; layout <= KINFO_LAYOUTS; layout++)
		printf("%d", kinfo_as(layout, bytes, size, &other) ? (int)other.sum : 9);
	printf(" ");
	while (kinfo_find(bytes, size, from, 4, &found, &other)) {
		printf("%zu:%u,", found, other.layout);
		from = found + 4;
	}
	printf("|");
	show_fields(&answer);
}

int main(int count, char **words)
{
	FILE *cases = count == 2 ? fopen(words[1], "rb") : NULL;
	uint8_t head[4];

	if (!cases)
		return 2;
	while (fread(head, 1, sizeof(head), cases) == sizeof(head)) {
		size_t size = (size_t)kinfo_little_endian(head, 4);
		uint8_t *bytes = (uint8_t *)malloc(size ? size : 1);

		if (!bytes || fread(bytes, 1, size, cases) != size)
			return 2;
		judge(bytes, size);
		free(bytes);
	}
	fclose(cases);
	return 0;
}
