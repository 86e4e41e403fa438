-- .mux in Neovim 0.11 or later: colours from the parser in parser/mux.so, everything else from `mux policy lsp`.

vim.filetype.add({ extension = { mux = 'mux' } })

vim.lsp.config('mux', {
  cmd = { 'mux', 'policy', 'lsp' },
  filetypes = { 'mux' },
  root_markers = { '.git' },
})
vim.lsp.enable('mux')

-- What the lens over a `test` block calls: the file, and the name of the test.
vim.lsp.commands['mux.runTest'] = function(command)
  local uri, name = unpack(command.arguments or {})
  local folder = vim.fs.dirname(uri and vim.uri_to_fname(uri) or vim.api.nvim_buf_get_name(0))
  local run = { 'mux', 'policy', 'test', folder }
  if name then vim.list_extend(run, { '--filter', name }) end
  vim.cmd('silent! wall | botright 15new')
  vim.fn.jobstart(run, { term = true })
end

vim.api.nvim_create_autocmd('FileType', {
  pattern = 'mux',
  callback = function(event)
    vim.bo[event.buf].commentstring = '# %s'
    vim.bo[event.buf].shiftwidth = 2
    vim.bo[event.buf].expandtab = true
    -- Without the parser the file is plain, and not an error.
    if pcall(vim.treesitter.start, event.buf, 'mux') then
      vim.wo[0][0].foldexpr = 'v:lua.vim.treesitter.foldexpr()'
    end
  end,
})
