--
-- PostgreSQL database dump
--

\restrict TNrdBMcgMLYtMfbFVkrDGvAY2xB96fdO9r0HibyQiK4Ui6LKV9qLHdLbjHIseRt

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: acmedns; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acmedns (
    name text,
    value text
);


--
-- Name: other; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.other (
    t text
);


--
-- Name: records; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.records (
    username text NOT NULL,
    password text NOT NULL,
    subdomain text NOT NULL,
    allowfrom text
);


--
-- Name: txt; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.txt (
    rowid integer NOT NULL,
    subdomain text NOT NULL,
    value text DEFAULT ''::text NOT NULL,
    lastupdate integer
);


--
-- Name: txt_rowid_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.txt_rowid_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: txt_rowid_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.txt_rowid_seq OWNED BY public.txt.rowid;


--
-- Name: txt rowid; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.txt ALTER COLUMN rowid SET DEFAULT nextval('public.txt_rowid_seq'::regclass);


--
-- Data for Name: acmedns; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.acmedns (name, value) VALUES
	('db_version', '1');


--
-- Data for Name: other; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.other (t) VALUES
	('INSERT INTO records VALUES (1'),
	('COPY public.records (username) FROM stdin;');


--
-- Data for Name: records; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.records (username, password, subdomain, allowfrom) VALUES
	('aaaaaaaa-4632-44f0-83fe-e070fef28a10', '$2a$10$abcdefghijklmnopqrstuu6/GFpg47cUveaGG/k1dHl3j.GfFb9cm', '8e5700ea-a4bf-41c7-8a77-e990661dcc6a', '[]'),
	('bbbbbbbb-0d0f-4c35-b2ba-8d8b1e1e9d11', '\x243261243130244142434445464748494a4b4c4d4e4f5051525354557544544f6c78556f467171716c536b6b584e54544e724b6e37706b3572313465', '5a0e4b0c-7b1c-4d5e-9b6f-2f3c4d5e6f70', '["192.0.2.0/24","[2001:db8::1]/64"]');
INSERT INTO public.records (username, password, subdomain, allowfrom) VALUES
	('CCCCCCCC-4632-44F0-83FE-E070FEF28A10', '$2a$10$0123456789abcdefghijku/AkCcrh/pGXS81y1aZHxVs9Se0fKv1i', 'c57bbe5e-7d2c-4f5f-8f4f-0f7e0a0e7b11', NULL),
	('not a uuid; it''s ); odd', 'x', 'y', NULL);


--
-- Data for Name: txt; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.txt (rowid, subdomain, value, lastupdate) VALUES
	(1, '8e5700ea-a4bf-41c7-8a77-e990661dcc6a', 'newer______________________________________', 1700000001),
	(2, '8e5700ea-a4bf-41c7-8a77-e990661dcc6a', 'older______________________________________', 1700000000);
INSERT INTO public.txt (rowid, subdomain, value, lastupdate) VALUES
	(3, '5a0e4b0c-7b1c-4d5e-9b6f-2f3c4d5e6f70', '', NULL),
	(4, '5a0e4b0c-7b1c-4d5e-9b6f-2f3c4d5e6f70', 'bad
value with a tab	and a \ and COPY public.records', 0);
INSERT INTO public.txt (rowid, subdomain, value, lastupdate) VALUES
	(5, 'c57bbe5e-7d2c-4f5f-8f4f-0f7e0a0e7b11', 'only_______________________________________', 1700000000),
	(6, 'c57bbe5e-7d2c-4f5f-8f4f-0f7e0a0e7b11', '', 0);


--
-- Name: txt_rowid_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.txt_rowid_seq', 6, true);


--
-- Name: records records_password_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_password_key UNIQUE (password);


--
-- Name: records records_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (username);


--
-- Name: records records_subdomain_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_subdomain_key UNIQUE (subdomain);


--
-- PostgreSQL database dump complete
--

\unrestrict TNrdBMcgMLYtMfbFVkrDGvAY2xB96fdO9r0HibyQiK4Ui6LKV9qLHdLbjHIseRt

