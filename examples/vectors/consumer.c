/* Five operations in C99, judged by fiducial's vectors: no dependency beyond libc.

   cc -O2 -o consumer consumer.c -lm && ./consumer ../../vectors [--results FILE]

   Two comparisons judge a number: accept_lo <= r && r <= accept_hi. Exit status: 0 all are right; 1 one is not;
   2 a file cannot be used; 3 fewer cases were run than the manifest lists. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const char *name) {
    fprintf(stderr, "consumer: %s: %s\n", name, what);
    exit(2);
}

static void *space(void *old, size_t bytes) { /* nothing is freed: a run is short */
    void *p = realloc(old, bytes ? bytes : 1);
    if (!p) fail("out of memory", "consumer");
    return p;
}

static char *contents(const char *folder, const char *name, size_t *length) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) fail("path too long", name);
    FILE *file = fopen(path, "rb");
    if (!file) fail("cannot be opened", path);
    size_t size = 0, room = 1 << 16;
    char *data = space(NULL, room + 1);
    for (size_t n; (n = fread(data + size, 1, room - size, file)) > 0;)
        if ((size += n) == room) data = space(data, (room *= 2) + 1);
    fclose(file);
    data[size] = 0;
    *length = size;
    return data;
}

/* --- JSON, as much of it as the vectors use --- */

typedef struct Node {
    char kind; /* { [ " 0 (number) n (null) t f */
    char *text;
    size_t count;
    struct Node *items;
    char **names;
} Node;

static const char *at; /* where the reader is */
static const char *file_name;

static void spaces(void) { while (*at && strchr(" \t\r\n", *at)) at++; }

static void expect(char c) {
    spaces();
    if (*at++ != c) fail("no JSON that can be used", file_name);
}

static char *string(void) {
    expect('"');
    const char *end = at;
    while (*end && *end != '"') end += *end == '\\' && end[1] ? 2 : 1;
    if (!*end) fail("a text has no end", file_name);
    char *copy = space(NULL, (size_t)(end - at) + 1), *to = copy;
    for (; at < end; at++) { /* names and numbers hold no escapes; of others, the letter will do */
        if (*at == '\\') at++;
        *to++ = *at;
    }
    *to = 0;
    at = end + 1;
    return copy;
}

static Node value(int depth);

static void members(Node *node, char open, char close, int depth) {
    expect(open);
    spaces();
    if (*at == close) { at++; return; }
    for (size_t room = 0;;) {
        if (node->count == room) {
            room = room ? 2 * room : 8;
            node->items = space(node->items, room * sizeof *node->items);
            if (open == '{') node->names = space(node->names, room * sizeof *node->names);
        }
        if (open == '{') { node->names[node->count] = string(); expect(':'); }
        node->items[node->count++] = value(depth + 1);
        spaces();
        if (*at == close) { at++; return; }
        expect(',');
    }
}

static Node value(int depth) {
    Node node = {0};
    if (depth > 64) fail("nested too deeply", file_name);
    spaces();
    node.kind = *at;
    if (*at == '{') members(&node, '{', '}', depth);
    else if (*at == '[') members(&node, '[', ']', depth);
    else if (*at == '"') node.text = string();
    else {
        const char *start = at;
        while (*at && !strchr(",]} \t\r\n", *at)) at++;
        if (at == start) fail("a value is missing", file_name);
        node.text = space(NULL, (size_t)(at - start) + 1);
        memcpy(node.text, start, (size_t)(at - start));
        node.text[at - start] = 0;
        if (!strchr("ntf", node.kind)) node.kind = '0';
    }
    return node;
}

static Node parsed(const char *data, const char *name) {
    at = data;
    file_name = name;
    return value(0);
}

static const Node *find(const Node *node, const char *name) {
    for (size_t k = 0; node && k < node->count && node->names; k++)
        if (!strcmp(node->names[k], name)) return &node->items[k];
    return NULL;
}

static const Node *get(const Node *node, const char *name) {
    const Node *found = find(node, name);
    if (!found) fail("this name is missing", name);
    return found;
}

static const char *words(const Node *node, const char *name) { return get(node, name)->text; }

/* strtod reads hexadecimal floats, inf and nan as they are */
static double number(const Node *node) { return strtod(node->text, NULL); }

/* --- SHA-256 (FIPS 180-4): results name the manifest that they were made from --- */

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void block(uint32_t h[8], const uint8_t *p) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, h, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t a = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                     K[i] + w[i];
        uint32_t b = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) +
                     ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += a;
        s[0] = a + b;
    }
    for (int i = 0; i < 8; i++) h[i] += s[i];
}

static void sha256(const char *data, size_t length, char text[65]) {
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t last[128] = {0};
    size_t whole = length / 64 * 64, rest = length - whole, padded = rest < 56 ? 64 : 128;
    for (size_t i = 0; i < whole; i += 64) block(h, (const uint8_t *)data + i);
    memcpy(last, data + whole, rest);
    last[rest] = 0x80;
    for (int i = 0; i < 8; i++) last[padded - 1 - i] = (uint8_t)((uint64_t)length * 8 >> 8 * i);
    for (size_t i = 0; i < padded; i += 64) block(h, last + i);
    for (int i = 0; i < 8; i++) sprintf(text + 8 * i, "%08x", (unsigned)h[i]);
}

/* --- a case: arrays of doubles, which hold every number of float32 --- */

typedef struct { size_t rank, size, shape[16]; double *data; } Array;

static const char *folder, *tensors; /* OPERATION.safetensors, where it was asked for */
static size_t tensors_length;
static Node tensors_header;

/* a tensor of OPERATION.safetensors: numbers in C order, little-endian, as this machine is taken to be */
static void tensor(const char *operation, const char *key, double *to, size_t size) {
    char name[128];
    uint64_t header;
    if (!tensors) {
        snprintf(name, sizeof name, "%s.safetensors", operation);
        tensors = contents(folder, name, &tensors_length);
        memcpy(&header, tensors, tensors_length < 8 ? 0 : 8);
        if (tensors_length < 8 || header > tensors_length - 8) fail("the header is longer than the file", name);
        tensors_header = parsed(tensors + 8, name);
    }
    memcpy(&header, tensors, 8);
    const Node *entry = get(&tensors_header, key);
    int wide = !strcmp(words(entry, "dtype"), "F64");
    size_t first = (size_t)number(&get(entry, "data_offsets")->items[0]), bytes = size * (wide ? 8 : 4);
    if (first + bytes > tensors_length - 8 - header) fail("a tensor lies outside the file", key);
    const char *from = tensors + 8 + header + first;
    for (size_t i = 0; i < size; i++) {
        float narrow;
        if (wide) memcpy(&to[i], from + 8 * i, 8);
        else { memcpy(&narrow, from + 4 * i, 4); to[i] = narrow; }
    }
}

static void sized(Array *a, const Node *shape, const char *operation) {
    a->rank = shape->count;
    a->size = 1;
    if (a->rank > 16) fail("more than 16 axes", operation);
    for (size_t i = 0; i < a->rank; i++) {
        a->size *= a->shape[i] = (size_t)number(&shape->items[i]);
        if (a->shape[i] > 1 << 24 || a->size > 1 << 24) fail("too many numbers", operation);
    }
    a->data = space(NULL, a->size * sizeof *a->data);
}

static Array array(const Node *node, const char *operation) {
    const Node *shape = get(node, "shape"), *hex = find(node, "hex"), *kept = find(node, "tensor");
    Array a;
    sized(&a, shape, operation);
    if (!kept && (!hex || hex->count != a.size)) fail("as many numbers as the shape says are required", operation);
    if (kept) tensor(operation, kept->text, a.data, a.size);
    for (size_t i = 0; !kept && i < a.size; i++) a.data[i] = number(&hex->items[i]);
    return a;
}

/* --- the implementations under judgement --- */

#define OPERATIONS(T, EXP, NAME)                                                                             \
    static void sigmoid_##NAME(Array *x, const Node *attributes, Array *y) {                                 \
        (void)attributes;                                                                                    \
        for (size_t i = 0; i < x->size; i++) {                                                               \
            T v = (T)x->data[i], e = EXP(v < 0 ? v : -v); /* never overflows */                              \
            y->data[i] = (T)((v < 0 ? e : 1) / (1 + e));                                                     \
        }                                                                                                    \
    }                                                                                                        \
    static void relu_##NAME(Array *x, const Node *attributes, Array *y) {                                    \
        (void)attributes;                                                                                    \
        for (size_t i = 0; i < x->size; i++) y->data[i] = x->data[i] <= 0 ? 0 : x->data[i]; /* NaN stays */  \
    }                                                                                                        \
    static void softmax_##NAME(Array *x, const Node *attributes, Array *y) {                                 \
        double axis = number(get(attributes, "axis"));                                                       \
        size_t a = (size_t)(axis < 0 ? axis + (double)x->rank : axis), n = x->shape[a], inner = 1;           \
        for (size_t i = a + 1; i < x->rank; i++) inner *= x->shape[i];                                       \
        for (size_t row = 0; n && row < x->size / n; row++) {                                                \
            size_t start = row / inner * inner * n + row % inner;                                            \
            T most = (T)x->data[start], sum = 0;                                                             \
            for (size_t k = 0; k < n; k++)                                                                   \
                if (x->data[start + k * inner] > most) most = (T)x->data[start + k * inner];                 \
            for (size_t k = 0; k < n; k++) sum += EXP((T)x->data[start + k * inner] - most);                 \
            for (size_t k = 0; k < n; k++)                                                                   \
                y->data[start + k * inner] = (T)(EXP((T)x->data[start + k * inner] - most) / sum);           \
        }                                                                                                    \
    }                                                                                                        \
    static void affine_##NAME(Array *x, const Node *attributes, Array *y) {                                  \
        const Array *W = x + 1, *b = x + 2;                                                                  \
        size_t N = x->shape[0], D = x->shape[1], M = W->shape[1];                                            \
        (void)attributes;                                                                                    \
        for (size_t n = 0; n < N; n++)                                                                       \
            for (size_t m = 0; m < M; m++) {                                                                 \
                T sum = (T)b->data[m];                                                                       \
                for (size_t d = 0; d < D; d++) sum += (T)x->data[n * D + d] * (T)W->data[d * M + m];         \
                y->data[n * M + m] = sum;                                                                    \
            }                                                                                                \
    }                                                                                                        \
    static void mse_loss_##NAME(Array *x, const Node *attributes, Array *y) {                                \
        const char *reduction = words(attributes, "reduction");                                              \
        T sum = 0;                                                                                           \
        for (size_t i = 0; i < x->size; i++) {                                                               \
            T d = (T)x[0].data[i] - (T)x[1].data[i];                                                         \
            sum += d * d;                                                                                    \
            if (!strcmp(reduction, "none")) y->data[i] = (T)(d * d);                                         \
        }                                                                                                    \
        if (!strcmp(reduction, "sum")) y->data[0] = sum;                                                     \
        if (!strcmp(reduction, "mean")) y->data[0] = (T)(sum / (T)x->size);                                  \
    }

OPERATIONS(double, exp, float64)
OPERATIONS(float, expf, float32)

typedef void (*Function)(Array *inputs, const Node *attributes, Array *output);
static const struct { const char *name; Function of[2]; } PROVIDED[] = {
    {"sigmoid", {sigmoid_float64, sigmoid_float32}}, {"relu", {relu_float64, relu_float32}},
    {"softmax", {softmax_float64, softmax_float32}}, {"affine", {affine_float64, affine_float32}},
    {"mse_loss", {mse_loss_float64, mse_loss_float32}},
};
static const char *const DTYPES[] = {"float64", "float32"};
enum { COUNT = sizeof PROVIDED / sizeof *PROVIDED };

/* --- judging --- */

static int accepted(double r, const Node *lo, const Node *hi, int or_nan) {
    if (lo->kind == 'n') return 1; /* null: the specification says nothing here */
    if (isnan(r)) return or_nan || isnan(number(lo));
    return number(lo) <= r && r <= number(hi);
}

static int right(const Node *output, const Array *y, const char *operation) {
    const Node *kept = find(output, "tensors"), *lo = find(output, "accept_lo"), *hi = find(output, "accept_hi");
    const Node *or_nan = find(output, "or_nan");
    if (kept) {
        double *ends = space(NULL, 2 * y->size * sizeof *ends);
        tensor(operation, words(kept, "accept_lo"), ends, y->size);
        tensor(operation, words(kept, "accept_hi"), ends + y->size, y->size);
        for (size_t i = 0; i < y->size; i++)
            if (!(ends[i] <= y->data[i] && y->data[i] <= ends[y->size + i])) return 0;
        return 1;
    }
    if (!lo || !hi || lo->count != y->size || hi->count != y->size) fail("its intervals do not fit", operation);
    for (size_t i = 0; i < y->size; i++)
        if (!accepted(y->data[i], &lo->items[i], &hi->items[i], or_nan && or_nan->kind == 't')) return 0;
    return 1;
}

static void write_result(FILE *file, const char *id, const Array *y, int first) {
    fprintf(file, "%s\n\"%s\":[[", first ? "" : ",", id);
    for (size_t i = 0; i < y->size; i++)
        if (isnan(y->data[i])) fprintf(file, "%s\"nan\"", i ? "," : ""); /* printf may say -nan */
        else fprintf(file, "%s\"%a\"", i ? "," : "", y->data[i]);
    fprintf(file, "]]");
}

static int run(const Node *one, size_t which, int dtype, FILE *results, int first) {
    const Node *inputs = get(one, "inputs"), *output = &get(one, "outputs")->items[0];
    Array given[8] = {{0}}, y;
    if (inputs->count > 8) fail("too many inputs", PROVIDED[which].name);
    for (size_t k = 0; k < inputs->count; k++) given[k] = array(&inputs->items[k], PROVIDED[which].name);
    sized(&y, get(output, "shape"), PROVIDED[which].name);
    PROVIDED[which].of[dtype](given, get(one, "attributes"), &y);
    if (results) write_result(results, words(one, "id"), &y, first);
    return right(output, &y, PROVIDED[which].name);
}

static size_t listed(const Node *manifest, const char *operation, const char *dtype) {
    const Node *levels = find(find(get(manifest, "counts"), operation), dtype);
    size_t sum = 0;
    for (size_t k = 0; levels && k < levels->count; k++) {
        const Node *values = find(&levels->items[k], "value");
        sum += values ? (size_t)number(values) : 0;
    }
    return sum;
}

int main(int argc, char **argv) {
    if (argc != 2 && !(argc == 4 && !strcmp(argv[2], "--results"))) fail("FOLDER [--results FILE] is required", "usage");
    size_t length, wrong = 0, missing = 0, all = 0;
    char name[128], sum[65];
    folder = argv[1];
    char *data = contents(folder, "manifest.json", &length);
    sha256(data, length, sum);
    Node manifest = parsed(data, "manifest.json");
    FILE *results = argc == 4 ? fopen(argv[3], "w") : NULL;
    if (argc == 4 && !results) fail("cannot be written", argv[3]);
    if (results)
        fprintf(results, "{\"format\":1,\"vectors\":\"%s\",\"subject\":{\"name\":\"consumer.c\",\"version\":\"1\"},\n"
                "\"scope\":{\"operations\":[\"sigmoid\",\"relu\",\"softmax\",\"affine\",\"mse_loss\"],"
                "\"dtypes\":[\"float64\",\"float32\"],\"what\":[\"value\"]},\n\"results\":{", sum);
    for (size_t which = 0; which < COUNT; which++) {
        snprintf(name, sizeof name, "%s.json", PROVIDED[which].name);
        Node file = parsed(contents(folder, name, &length), name);
        const Node *cases = get(&file, "cases");
        tensors = NULL;
        for (int dtype = 0; dtype < 2; dtype++) {
            size_t ran = 0, passed = 0, wanted = listed(&manifest, PROVIDED[which].name, DTYPES[dtype]);
            for (size_t k = 0; k < cases->count; k++) {
                const Node *one = &cases->items[k];
                if (strcmp(words(one, "dtype"), DTYPES[dtype]) || strcmp(words(one, "what"), "value")) continue;
                int good = run(one, which, dtype, results, all++ == 0);
                if (!good) printf("wrong: %s\n", words(one, "id"));
                passed += (size_t)good;
                ran++;
            }
            printf("%-10s %s: %zu of %zu right\n", PROVIDED[which].name, DTYPES[dtype], passed, wanted);
            wrong += ran - passed;
            missing += ran != wanted;
        }
    }
    if (results && (fprintf(results, "\n}}\n") < 0 || fclose(results))) fail("cannot be written", argv[3]);
    if (missing) fprintf(stderr, "consumer: fewer or more cases were run than the manifest lists\n");
    return missing ? 3 : wrong ? 1 : 0;
}
