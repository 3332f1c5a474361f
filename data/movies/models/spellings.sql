-- Every title and every name as it is written somewhere, and the form in which spellings meet. Two spellings are the same
-- when nothing but case, accents, punctuation, signs and spaces tells them apart: of both only letters and digits are left,
-- small and without accents. `WALL·E`, `Wall-E` and `wall e` meet in `walle`. What has no letter and no digit (`…`) meets
-- only itself. The two reports of an outage fold the title that they are asked for by the same words.
with written as (
  select title as written from movies.movies
  union select movie_title from movies.streams
  union select movie_title from movies.meetings
  union select book_title from movies.meetings
  union select name from movies.books
  union select author from movies.books
  union select name from movies.author_nationalities
)
select
  written,
  coalesce(
    nullif(
      -- Of ICU, so that it does not depend on the locale of the database: that of C knows a to z only. A sigma at the end
      -- of a word is a sigma.
      translate(
        lower(
          regexp_replace(
            -- NFKD takes letters and their accents apart, ligatures and wide letters too; `translate` does the letters that
            -- it leaves whole, and drops trade marks, which it would spell out.
            normalize(replace(translate(written, 'ØÆŁĐÞŒ™℠®©', 'øæłđþœ'), 'ß', 'ss'), nfkd),
            -- By code point, for what `[:punct:]` means depends on the locale of the database.
            '[\u0001-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00BF\u00D7\u00F7\u02B0-\u036F\u2000-\u214F\u2190-\u2BFF\u2E00-\u2E7F\u3000-\u303F\u30FB\uFE00-\uFE2F\U0001F000-\U0001FAFF]',
            '',
            'g'
          ) collate "und-x-icu"
        ),
        'ς',
        'σ'
      ),
      ''
    ),
    lower(btrim(written) collate "und-x-icu")
  ) collate "default" as folded
from written
where btrim(written) <> ''
