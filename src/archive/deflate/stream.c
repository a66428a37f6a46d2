/*
 * libdeflate's compressor, which also tells where the last block of a stream begins, and which remembers
 * less of long matches at level 2.
 *
 * The library's source is included as it is. It counts the symbol that ends a block right before it
 * writes the block, and so the name of that symbol is made to note where the stream stands. Likewise the
 * name of the function that remembers the bytes of a match is made to ask for the level.
 */

#include <stddef.h>

#include "lib_common.h"
#include "deflate_constants.h"

/* libdeflate itself is linked, too. */
#define libdeflate_alloc_compressor_ex envship_alloc_compressor_ex
#define libdeflate_alloc_compressor envship_alloc_compressor
#define libdeflate_free_compressor envship_free_compressor
#define libdeflate_get_compression_level envship_get_compression_level
#define libdeflate_deflate_compress envship_deflate_compress
#define libdeflate_deflate_compress_bound envship_deflate_compress_bound

static unsigned end_of_block(void);
#undef DEFLATE_END_OF_BLOCK
#define DEFLATE_END_OF_BLOCK end_of_block()

#define MATCHFINDER_WINDOW_ORDER DEFLATE_WINDOW_ORDER
#include "hc_matchfinder.h"

/* Of a match that is longer than SHORT the first and the last EDGE places can be found again. */
enum { SHORT = 16, EDGE = 4 };

static forceinline void skip_edges(struct hc_matchfinder *mf, const u8 **base, const u8 *next,
				   const u8 *end, u32 count, u32 *hashes)
{
	u32 bytes;

	/* As the library: nothing is looked for so near the end. */
	if (unlikely(count + 5 > end - next))
		return;
	hc_matchfinder_skip_bytes(mf, base, next, end, EDGE, hashes);
	next += count - EDGE;
	if (next - *base > MATCHFINDER_WINDOW_SIZE) {
		hc_matchfinder_slide_window(mf);
		*base += MATCHFINDER_WINDOW_SIZE;
	}
	bytes = get_unaligned_le32(next);
	hashes[0] = lz_hash(bytes & 0xFFFFFF, HC_MATCHFINDER_HASH3_ORDER);
	hashes[1] = lz_hash(bytes, HC_MATCHFINDER_HASH4_ORDER);
	hc_matchfinder_skip_bytes(mf, base, next, end, EDGE, hashes);
}

#define hc_matchfinder_skip_bytes(mf, base, next, end, count, hashes)			\
	((count) > SHORT && c->compression_level == 2					\
	 ? skip_edges(mf, base, next, end, count, hashes)				\
	 : hc_matchfinder_skip_bytes(mf, base, next, end, count, hashes))

#include "deflate_compress.c"

/* The stream that this thread writes, where it begins, and the place of its latest block in bits. */
static _Thread_local const struct deflate_output_bitstream *stream;
static _Thread_local const u8 *stream_start;
static _Thread_local size_t latest_block;

static size_t place_in_stream(void)
{
	return (size_t)(stream->next - stream_start) * 8 + stream->bitcount;
}

static unsigned end_of_block(void)
{
	latest_block = place_in_stream();
	return 256;
}

/*
 * As libdeflate_alloc_compressor(). Its levels 2 and 3 stop at a match of 10 and 14 bytes. For files of
 * environments it is better to follow fewer matches and to take the longest of them: level 2 is smaller
 * than the library's in the same time, and level 3 faster at the same size.
 */
struct libdeflate_compressor *envship_compressor(int level)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);

	if (c && (level == 2 || level == 3)) {
		c->max_search_depth = level == 2 ? 5 : 6;
		c->nice_match_length = level == 2 ? 130 : DEFLATE_MAX_MATCH_LEN;
	}
	return c;
}

/*
 * Compresses @in to a whole stream, for which @out has room as libdeflate_deflate_compress_bound()
 * tells. Returns its length in bits, and in @last_block the place of its last block, or of the first
 * of several stored ones that end it.
 */
size_t envship_deflate(struct libdeflate_compressor *c, const void *in, size_t in_size,
		       void *out, size_t out_size, size_t *last_block)
{
	struct deflate_output_bitstream os = { .next = out, .end = (u8 *)out + out_size };
	size_t end;

	if (in_size <= c->max_passthrough_size) {
		*last_block = 0;
		return deflate_compress_none(in, in_size, out, out_size) * 8;
	}
	stream = &os;
	stream_start = out;
	c->impl(c, in, in_size, &os);
	*last_block = latest_block;
	end = place_in_stream();
	if (os.overflow)
		return 0;
	if (os.bitcount)
		*os.next = os.bitbuf;
	return end;
}
