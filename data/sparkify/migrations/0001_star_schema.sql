-- The star schema: one table of plays, and four that say who, which song, by whom and when.
-- Models fill these tables; they are made here so that they can point at each other. When a song, an artist or a
-- listener goes from the files, their plays stay and point at nobody until the plays are made anew, a moment later.
create schema if not exists sparkify;

create table sparkify.users (
  user_id text primary key,
  first_name text,
  last_name text,
  gender text,
  level text,
  registered_at timestamptz
);

create table sparkify.artists (
  artist_id text primary key,
  name text,
  location text,
  latitude numeric,
  longitude numeric
);

create table sparkify.songs (
  song_id text primary key,
  title text,
  artist_id text,
  year integer,
  duration numeric
);

create table sparkify."time" (
  started_at timestamptz primary key,
  hour integer,
  day integer,
  week integer,
  month integer,
  year integer,
  weekday integer
);

create table sparkify.songplays (
  songplay_id uuid primary key,
  started_at timestamptz references sparkify."time" on delete set null,
  user_id text references sparkify.users on delete set null,
  level text,
  song_id text references sparkify.songs on delete set null,
  artist_id text references sparkify.artists on delete set null,
  session_id bigint,
  item_in_session integer,
  location text,
  user_agent text,
  song text,
  artist text,
  length numeric
);

-- Whoever looks for the plays of one of them, Postgres included when one goes, finds them by these.
create index on sparkify.songplays (started_at);
create index on sparkify.songplays (user_id);
create index on sparkify.songplays (song_id);
create index on sparkify.songplays (artist_id);
