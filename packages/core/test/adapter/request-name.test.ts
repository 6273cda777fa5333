import { expect, test } from 'vitest'
import { requestName } from '../../src/adapter/request-name.ts'

const parts = (url: string, route?: string) => ({ method: 'GET', url, headers: {}, route: () => route })

test('L9: a request is named by its route, else by its path, never with its query', () => {
  expect(requestName(parts('/projects/7?token=x', '/projects/:id'), 'acme')).toBe('GET /projects/:id')
  expect(requestName(parts('/projects/7?token=x'), 'acme')).toBe('GET /projects/7')
  expect(requestName(parts('http://acme.example.com/projects#top'), 'acme')).toBe('GET /projects')
  expect(requestName(parts('/'), undefined)).toBe('GET /')
})

test('L9: a tenant in the path is left out, however it is written there', () => {
  expect(requestName(parts('/t/acme/projects'), 'acme')).toBe('GET /t/:tenant/projects')
  expect(requestName(parts('/t/a%63me/projects'), 'acme')).toBe('GET /t/:tenant/projects')
  expect(requestName(parts('/t/acme/7', '/t/acme/:id'), 'acme')).toBe('GET /t/:tenant/:id')
  expect(requestName(parts('/t/%E0%A4%A/x'), 'acme')).toBe('GET /t/%E0%A4%A/x')
})
